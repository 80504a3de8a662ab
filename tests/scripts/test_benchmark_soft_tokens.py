from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from tiny_llava import feature_llava, transformers

from lookhear.perception.atoms.collection import Collection
from lookhear.perception.atoms.placed import COUNTRIES
from lookhear.perception.atoms.sources import Source
from lookhear.reasoning.mllm.prompt import SHORT
from lookhear.scripts import benchmark_soft_tokens as bench
from lookhear.scripts import benchmark_soft_tokens_questions as questioned
from lookhear.scripts.benchmark_soft_tokens import PLACES, BenchmarkSoftTokensConfig
from lookhear.scripts.benchmark_soft_tokens_questions import Clips, ClipsConfig

RECORDINGS = 4


def clips(each: int, seed: int) -> Clips:
    """Two classes of two recordings; the kernel tells the recording, the embedding nothing."""
    rng = np.random.default_rng(seed)
    recording = np.arange(RECORDINGS).repeat(each)
    atoms = np.zeros((len(recording), 348), np.float32)
    atoms[np.arange(len(recording)), recording] = rng.uniform(0.5, 1.0, len(recording))
    sound = rng.normal(size=(len(recording), 1024)).astype(np.float32)
    chances = np.full((RECORDINGS, len(COUNTRIES)), 0.1)
    chances[np.arange(RECORDINGS), [1, 5, 8, 11]] = 20.0
    chances /= chances.sum(1, keepdims=True)
    return Clips(("Bell", "Bell", "Rain", "Rain"), chances, recording, {"sound": sound, "atoms": atoms})


@pytest.fixture
def asked():
    made = clips(50, 1)
    return made, questioned.ask(made, 200, 2)


def share(name, asked):
    learnt = clips(50, 3)
    return np.mean(questioned.linear(name, (learnt, questioned.ask(learnt, 400, 4)), asked) == asked[1].right)


def test_every_window_is_asked_about_once_with_three_countries_and_true_ones_by_chance(asked):
    made, questions = asked
    assert sorted(questions.clip.tolist()) == list(range(200))
    assert all(len(set(row)) == 3 for row in questions.countries.tolist())
    assert np.bincount(questions.right).min() > 40
    true = questions.countries[np.arange(200), questions.right]
    home = np.array([1, 5, 8, 11])[made.recording[questions.clip]]
    assert 0.9 < (true == home).mean() < 1.0
    assert set(PLACES) == set(COUNTRIES)


def test_what_is_known_and_what_a_linear_layer_learns(asked):
    right = {name: hits.mean() for name, hits in questioned.known(*asked).items()}
    assert right["the recordings' chances"] > 0.93 > right["the classes' chances"] + 0.05
    assert share("text+atoms", asked) > share("text", asked) + 0.1 and share("atoms", asked) > 0.9
    assert share("text+sound", asked) < right["the classes' chances"] + 0.05


def test_the_table_pairs_what_is_added(asked):
    made, _ = asked
    hits = np.arange(200) % 2 == 0
    layer = {"text, linear": hits, "atoms, linear": ~hits}
    said = bench.table({"text": hits, "atoms": ~hits} | layer, made.recording)
    assert said.startswith("200 questions on 4 recordings; by chance 33.3 % are right")
    rows = [[float(n) for n in re.findall(r"[+-]\d+\.\d", line)] for line in said.splitlines()[1:]]
    assert rows == [[50.0] * 3, [50.0] * 3 + [0.0] * 3] * 2
    none = bench.table({"text": hits, "sound": hits | True}, made.recording).splitlines()[-1]
    assert re.findall(r"[+-]\d+\.\d", none) == ["+100.0"] * 3 + ["+50.0"] * 3


@pytest.mark.slow
def test_a_lesson_teaches_the_choice_and_tells_no_coordinates(asked):
    transformers()
    made, questions = asked
    one = bench.lessons_of("text+atoms", "letter", made, questions)[0]
    row = one.row(SHORT, "supported")
    slot, text = row["prompt"][0]["content"]
    lines = text["text"].splitlines()
    assert slot == {"type": "image"} and len(row["images"]) == 1 and row["images"][0][-1, -1, -1] == 2
    label = made.classes[made.recording[questions.clip[0]]]
    assert lines[0] == f"e1 {label} 100%"
    told = [re.fullmatch(r"([ABC]) 33% perhaps ([\w ]+)", line).groups() for line in lines[1:]]
    assert [letter for letter, _ in told] == ["A", "B", "C"]
    assert row["completion"][0]["content"] == "ABC"[questions.right[0]]
    named = bench.lessons_of("text", "name", made, questions)[0].row(SHORT, "supported")
    assert named["prompt"][0]["content"] == [{"type": "text", "text": f"e1 {label} 100%\nopen"}]
    assert named["completion"][0]["content"] == told[questions.right[0]][1] and named["images"] == []
    blind = bench.lessons_of("atoms", "name", made, questions)[0].row(SHORT, "supported")
    assert blind["prompt"][0]["content"][1]["text"] == "nothing found\nopen"


def test_recordings_of_a_class_are_real_and_equally_many(tmp_path):
    def source(label, number, synthetic=False):
        return Source((label,), "", f"{label}{number}", lambda _: np.zeros(1, np.float32), synthetic)

    sounds = [source(label, k) for label in ("a", "b", "c") for k in range(3 if label == "b" else 2)]
    collection = Collection((*sounds, source("d", 0), source("d", 1, True)), (), ("a", "b", "c", "d"))
    config = ClipsConfig(tmp_path, classes=3)
    assert [one.digest for one in questioned.alike(collection, config)] == ["a0", "a1", "b0", "b1", "c0", "c1"]
    with pytest.raises(ValueError, match=r"Only 1 classes have 3 recordings .* 3 were asked for; give a smaller"):
        questioned.alike(collection, replace(config, recordings=3))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.slow
def test_the_likeliest_is_chosen_and_kept(asked, tmp_path):
    transformers()
    import torch

    made, questions = asked
    few = questioned.Questions(questions.clip[:10], questions.countries[:10], questions.right[:10])
    model, processor = feature_llava()
    processor.tokenizer.chat_template = processor.chat_template
    lessons = bench.lessons_of("text+atoms", "letter", made, few)
    chosen, again = (bench.choices(model, processor, lessons, batch) for batch in (10, 3))
    assert chosen.tolist() == again.tolist() and set(chosen.tolist()) <= {0, 1, 2}
    first, second, third = processor.tokenizer.convert_tokens_to_ids(["A", "B", "C"])
    with torch.no_grad():
        weight = model.lm_head.weight.clone()
        weight[first], weight[second] = -weight[third], 2 * weight[third]
        model.lm_head.weight = torch.nn.Parameter(weight)
    assert set(bench.choices(model, processor, lessons).tolist()) <= {0, 1}  # B beats C or both are below A
    kept = tmp_path / "atoms" / "chosen.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps(chosen.tolist()))
    config = BenchmarkSoftTokensConfig(tmp_path, tmp_path)
    assert bench.learn_and_answer("atoms", config, (made, few), (made, few)).tolist() == chosen.tolist()
    with pytest.raises(ValueError, match="other sounds, questions or settings; give another --out"):
        bench.learn_and_answer("atoms", config, (made, questions), (made, few))
