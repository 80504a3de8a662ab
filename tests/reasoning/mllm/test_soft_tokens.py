from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_llava import feature_llava, transformers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _needs_transformers():
    transformers()


def feature(kind, seed=0):
    from lookhear.reasoning.mllm.soft_tokens import KINDS

    return np.random.default_rng(seed).normal(size=KINDS[kind]).astype(np.float32)


def states(tower, *kinds):
    from lookhear.reasoning.mllm.soft_tokens import pixels_of

    pixels = torch.stack([torch.from_numpy(pixels_of(kind, feature(kind))) for kind in kinds])
    with torch.no_grad():
        return tower(pixels).last_hidden_state


def test_the_kinds_are_those_of_perception_and_of_the_shipped_dictionary():
    from lookhear.perception.atoms.shipped import shipped_dictionary
    from lookhear.perception.record import PARTS
    from lookhear.reasoning.mllm.soft_tokens import KINDS

    assert tuple(KINDS) == PARTS and list(KINDS).index("atoms") == 2
    found = shipped_dictionary()
    assert found is None or found.sae.config.kernels == KINDS["atoms"]


@pytest.mark.parametrize("kind", ["sight", "sound", "atoms"])
def test_each_kind_goes_through_its_own_layer_alone_or_beside_others(kind):
    tower = feature_llava()[0].model.vision_tower
    alone, beside = states(tower, kind)[0], states(tower, "sight", "atoms", "sound", kind)
    assert torch.allclose(alone, beside[3], atol=1e-6) and alone.abs().max() > 0
    mine = tower.spread[["sight", "sound", "atoms"].index(kind)]
    with torch.no_grad():
        mine.weight.zero_()
    assert torch.allclose(states(tower, kind)[0].flatten(), mine.bias)


def test_how_loud_atoms_are_in_all_does_not_count_and_none_at_all_is_no_error():
    from lookhear.reasoning.mllm.soft_tokens import pixels_of

    atoms = np.zeros(348, np.float32)
    atoms[[3, 300]] = 0.1, 0.4
    assert np.allclose(pixels_of("atoms", atoms), pixels_of("atoms", 7 * atoms), atol=1e-5)
    silent = pixels_of("atoms", 0 * atoms).ravel()
    assert silent[-1] == 2 and not silent[:-1].any()


@pytest.mark.parametrize(("kind", "size"), [("atoms", 349), ("sight", 348), ("smell", 348)])
def test_another_dictionary_or_kind_is_refused(kind, size):
    from lookhear.reasoning.mllm.soft_tokens import pixels_of

    with pytest.raises(
        ValueError, match=rf"{kind!r} of {size} numbers .* atoms \(348\).*the dictionary that comes with"
    ):
        pixels_of(kind, np.ones(size, np.float32))


def test_the_model_gets_what_it_is_set_to_and_what_the_clip_has(tmp_path):
    from lookhear.perception.record import ClipRecord
    from lookhear.reasoning.mllm.backend import Backend, BackendConfig
    from lookhear.reasoning.mllm.prompt import SHORT

    record = ClipRecord("c", (), None, {kind: feature(kind) for kind in ("atoms", "sight")})

    def kinds(*features):
        config = BackendConfig(features=features) if features else BackendConfig()
        return [int(one[-1, -1, -1]) for one in Backend(None, None, SHORT, config).images(record, tmp_path, None)]

    assert kinds() == [0] and kinds("atoms", "sound", "sight") == [0, 2] and kinds("atoms") == [2]


@pytest.mark.filterwarnings("default")
def test_an_adapter_from_before_atoms_keeps_what_it_learnt(tmp_path):
    peft = pytest.importorskip("peft")
    from safetensors.torch import load_file, save_file

    from lookhear.reasoning.mllm.small_llava import adapted
    from lookhear.reasoning.training.adapters import AdapterConfig, lora

    model = feature_llava()[0]
    trained = peft.get_peft_model(model, lora(AdapterConfig(rank=2), model, soft_tokens=True))
    with torch.no_grad():
        for weight in trained.base_model.model.model.vision_tower.modules_to_save["default"].parameters():
            weight.add_(1.0)
    trained.save_pretrained(tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    again = adapted(feature_llava()[0], [tmp_path]).model.vision_tower
    assert len(again.spread) == 3 and states(again, "atoms").isfinite().all()
    kept = {name: value for name, value in load_file(file).items() if "spread.2" not in name}
    assert len(kept) == len(load_file(file)) - 2
    save_file(kept, file, {"format": "pt"})
    old, untrained = adapted(feature_llava()[0], [tmp_path]).model.vision_tower, feature_llava()[0].model.vision_tower
    for kind in range(2):
        assert torch.allclose(old.spread[kind].weight, untrained.spread[kind].weight + 1.0)
    assert len(old.spread) == 2 and torch.allclose(states(old, "sound"), states(old, "sight", "sound")[1:], atol=1e-6)
    with pytest.raises(ValueError, match="know sight, sound only"):
        states(old, "atoms")
