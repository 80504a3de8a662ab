import pytest

from lookhear.reasoning.mllm.backend import FEATURES, BackendConfig, note_features, open_backend


def test_an_adapter_is_opened_with_the_features_it_learnt(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    note_features(tmp_path, BackendConfig(features=("sound", "atoms")))
    with pytest.raises(ValueError, match=r"knows atoms and sound; give --backend\.features atoms sound"):
        open_backend(BackendConfig(adapters=(tmp_path,)))


def test_nothing_is_noted_of_models_that_see_frames(tmp_path):
    note_features(tmp_path, BackendConfig(name="a/llava"))
    assert not (tmp_path / FEATURES).exists()
