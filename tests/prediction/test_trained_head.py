import numpy as np
import pytest
import torch
from PIL import Image

from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import CellLikelihood, Evidence, Moment
from lookhear.perception.hearing import Hearing
from lookhear.perception.seeing import Seeing, Seen
from lookhear.prediction import Locator
from lookhear.prediction.baselines import BASELINES
from lookhear.prediction.flow import UniformBase
from lookhear.prediction.posterior import posterior
from lookhear.prediction.sphere import random_vmf
from lookhear.prediction.trained_head import TrainedHead
from lookhear.prediction.training.bases import save_base
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.flow_head import FlowHead, flow_config

NAIROBI = GeoPoint(-1.29, 36.82)


class Blind(Seeing):
    """Sees nothing."""

    def look(self, clip):
        return Seen()


class Deaf(Hearing):
    """Is never asked."""

    def __init__(self):
        pass


@pytest.fixture
def from_evidence(tmp_path):
    FlowHead(flow_config({"evidence": 384}, 8, fourier=2)).save(tmp_path / "run" / "head")
    save_base(tmp_path / "run" / "head", "evidence", UniformBase())
    return TrainedHead.load(tmp_path / "run")


@pytest.fixture
def nairobi(tmp_path):
    """Kernels on places near Nairobi."""
    units = random_vmf(torch.tensor(NAIROBI.unit).float().expand(40, 3), torch.full((40,), 3e3)).numpy()
    sets = FeatureSet.from_arrays(units[:30]), FeatureSet.from_arrays(units[30:])
    BASELINES["kernel_density"](*sets).save(tmp_path / "nairobi")
    save_base(tmp_path / "nairobi", "uniform", UniformBase())
    return TrainedHead.load(tmp_path / "nairobi")


def test_an_untrained_flow_is_the_evidence_it_starts_from(from_evidence):
    ids = posterior(()).ids[5000:5001]
    evidence = posterior(
        (Evidence("e1", "sight", "x", "x", (), 0.9, "t", CellLikelihood.of(ids, np.array([9.0]), -0.5)),)
    )
    found = from_evidence.density({"unknown": np.zeros(3)}, evidence)
    units = random_vmf(torch.tensor(NAIROBI.unit).expand(20, 3), torch.full((20,), 2.0)).numpy()
    assert np.allclose(found.log_density(units), evidence.log_density(units), atol=1e-5)
    with pytest.raises(ValueError, match="none was given"):
        from_evidence.density({})


def test_locate_answers_with_the_head_within_the_region_asked_for(nairobi, tmp_path):
    Image.new("RGB", (64, 48), "white").save(tmp_path / "white.png")
    locator = Locator(Deaf(), Blind(), nairobi)
    result = locator.locate(tmp_path / "white.png")
    assert result.outlook.countries[0].name == "Kenya" and result.settings["head"] == nairobi.digest
    assert any("trained head, kernel_density" in note for note in result.notes)
    assert result.best is None  # whatever the clip is, this head says the same
    within = locator.locate(tmp_path / "white.png", region="Tanzania")
    assert within.outlook.countries[0].name == "Tanzania" and within.outlook.countries[0].probability > 0.99


def test_a_head_is_not_explained_by_what_it_was_not_told(nairobi, tmp_path):
    Image.new("RGB", (64, 48), "white").save(tmp_path / "sign.png")
    ids = posterior(()).ids[5000:5001]
    sign = Evidence(
        "e1", "text", "“Rue”", "Rue", (Moment(0, 0, 0.9),), 0.9, "t", CellLikelihood.of(ids, np.array([9.0]), -0.5)
    )

    class Reads(Seeing):
        def look(self, clip):
            return Seen((sign,))

    result = Locator(Deaf(), Reads(), nairobi).locate(tmp_path / "sign.png")
    assert result.best is None and "against" not in [claim.step for claim in result.trace.claims]
    assert any("nothing else of what was found enters it" in note for note in result.notes)
    with pytest.raises(ValueError, match="has learnt its prior"):
        Locator(Deaf(), Reads(), nairobi).locate(tmp_path / "sign.png", prior="earth")


@pytest.mark.parametrize(("name", "said"), [("model.safetensors", "no trained head"), ("config.json", "damaged")])
def test_a_damaged_folder_is_refused_in_a_sentence(from_evidence, tmp_path, name, said):
    path = tmp_path / "run" / "head" / name
    path.write_text(path.read_bytes()[:20].decode("latin-1")) if name.endswith("json") else path.unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        TrainedHead.load(tmp_path / "run")
