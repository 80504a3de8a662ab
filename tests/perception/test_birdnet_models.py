"""The real BirdNET, against TFLite's own interpreter and on the real recording."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lookhear.data.clip import Clip
from lookhear.data.models import model_path
from lookhear.perception.birdnet import BirdNet, read_labels
from lookhear.perception.listen import listen
from lookhear.perception.ranges import RangeModel
from lookhear.perception.tflite import TfliteFile

pytestmark = pytest.mark.models
CLASSIFIER = "BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"
RANGES = "BirdNET_GLOBAL_6K_V2.4_MData_Model_V2_FP16.tflite"
RECORDING = Path(__file__).parents[2] / "docs" / "powdermill.ogg"


@pytest.fixture(scope="module")
def birdnet():
    return BirdNet.load()


def interpreter(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ai_edge_litert.interpreter import Interpreter

        found = Interpreter(str(model_path("birdnet", file)), experimental_preserve_all_tensors=True)
        found.allocate_tensors()
    return found


def windows():
    sound = np.concatenate(list(Clip.open(RECORDING).sound(48_000)))
    noise = np.random.default_rng(0).normal(size=144_000).astype(np.float32) * 0.1
    return np.stack([sound[:144_000], sound[200_000:344_000], noise, np.zeros(144_000, dtype=np.float32)])


def test_it_agrees_with_tflite(birdnet):
    oracle = interpreter(CLASSIFIER)
    batch = windows()
    with torch.inference_mode():
        logits, embedding = birdnet(torch.from_numpy(batch))
    for k, window in enumerate(batch):
        oracle.set_tensor(oracle.get_input_details()[0]["index"], window[None])
        oracle.invoke()
        theirs = torch.from_numpy(oracle.get_tensor(546)[0])
        assert torch.sigmoid(logits[k]).numpy() == pytest.approx(torch.sigmoid(theirs).numpy(), abs=2e-3)
        if k < 2:  # noise and silence leave nothing but rounding in some bands, which a small power then blows up
            assert embedding[k].numpy() == pytest.approx(oracle.get_tensor(545)[0], abs=2e-3)


def test_the_trunk_alone_agrees_with_tflite_closely(birdnet):
    """Without the front end, whose float32 FFT differs: 2.7e-5 on logits was measured."""
    oracle = interpreter(CLASSIFIER)
    names = {detail["name"]: detail["index"] for detail in oracle.get_tensor_details()}
    oracle.set_tensor(oracle.get_input_details()[0]["index"], windows()[:1])
    oracle.invoke()
    theirs = torch.from_numpy(oracle.get_tensor(names["model/concatenate/concat"])).permute(0, 3, 1, 2)
    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(birdnet, "spectrogram", lambda sound: theirs)
        logits, _ = birdnet(torch.zeros(1, 144_000))
    assert logits[0].numpy() == pytest.approx(oracle.get_tensor(546)[0], abs=2e-4)


def test_the_range_model_agrees_with_tflite():
    oracle, model = interpreter(RANGES), RangeModel.load()
    for lat, lon, week in ((40.16, -79.27, 20), (-33.0, 151.0, -1), (0.0, 179.9, 48), (89.0, -180.0, 1)):
        question = np.array([[lat, lon, week]], dtype=np.float32)
        oracle.set_tensor(oracle.get_input_details()[0]["index"], question)
        oracle.invoke()
        theirs = oracle.get_tensor(oracle.get_output_details()[0]["index"])[0]
        with torch.inference_mode():
            ours = model(torch.tensor([lat]), torch.tensor([lon]), week)[0].numpy()
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_our_reader_finds_what_the_interpreter_finds():
    oracle, file = interpreter(CLASSIFIER), TfliteFile.read(model_path("birdnet", CLASSIFIER))
    names = {detail["name"]: detail["index"] for detail in oracle.get_tensor_details()}
    for name in ("model/CLASS_DENSE_LAYER/MatMul", "model/MEL_SPEC1/Tensordot/MatMul", "model/POST_CONV_1/Conv2D"):
        assert (file.tensors[name] == oracle.get_tensor(names[name])).all()


def test_the_mel_filters_weigh_no_bin_that_is_left_out(birdnet):
    file = TfliteFile.read(model_path("birdnet", CLASSIFIER))
    for name, spectrogram in (("MEL_SPEC1", birdnet.low), ("MEL_SPEC2", birdnet.high)):
        mel = file.named(f"{name}/Tensordot/MatMul")
        assert mel[:, spectrogram.bins - 1].any() and not mel[:, spectrogram.bins :].any()


def test_it_hears_the_wood_thrush(birdnet):
    heard = listen(Clip.open(RECORDING), birdnet)
    labels = read_labels()
    found = [labels[detection.label][1] for detection in heard.detections]
    assert found[0] == "Wood Thrush" and "Eastern Towhee" in found
    assert heard.windows == 6 and heard.quality.duration_s == pytest.approx(10.0, abs=0.01)


def test_a_batch_hears_what_single_windows_hear(birdnet):
    batch = torch.from_numpy(windows())
    with torch.inference_mode():
        together = birdnet(batch)[0]
        alone = torch.cat([birdnet(batch[k : k + 1])[0] for k in range(len(batch))])
    assert together.numpy() == pytest.approx(alone.numpy(), abs=1e-3)


def test_gradients_flow_through_it(birdnet):
    sound = torch.from_numpy(windows()[:1]).requires_grad_()
    birdnet.embed(sound).sum().backward()
    assert torch.isfinite(sound.grad).all() and sound.grad.abs().max() > 0


def test_a_damaged_model_is_one_sentence(tmp_path):
    whole = model_path("birdnet", CLASSIFIER).read_bytes()
    other = b"\0\0\0\0TFL3" + b"\1" * 50
    for name, data in (("text", b"not a model at all"), ("cut", whole[:100_000]), ("other", other)):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(data)
        with pytest.raises(ValueError, match="fetch offline"):
            BirdNet.load(path)
    with pytest.raises(ValueError, match="tensors named"):
        RangeModel.load(model_path("birdnet", CLASSIFIER))
