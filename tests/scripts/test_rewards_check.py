import pytest

from lookhear.data.avg.row import ClipRow, write_rows
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.record import ClipRecord, write_records
from lookhear.reasoning.rewards import REWARDS
from lookhear.reasoning.rewards.hacks import HACKS
from lookhear.scripts.rewards_check import RewardsCheckConfig, rewards_check


@pytest.fixture
def folder(tmp_path):
    places = [(48.39, -4.49), (-12.05, -77.04), (35.6, 139.6), (-1.3, 36.8)]
    write_rows(tmp_path, [ClipRow(None, f"c{k}", *place, f"p{k}", "train") for k, place in enumerate(places)])
    siren = Evidence("e1", "sound", "siren", "Siren", (Moment(0.0, 1.0, 0.9),), 0.9, "test")
    write_records(tmp_path, [ClipRecord(f"c{k}", (siren,) if k else ()) for k in range(4)])
    return tmp_path


def test_the_table(folder, capsys):
    assert rewards_check(RewardsCheckConfig(folder, quiet=True)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == list(REWARDS)
    table = {line[:24].strip(): line[24:].split() for line in lines[1:]}
    assert table["gold trace"] == ["1.00"] * len(REWARDS)
    assert set(HACKS) <= {kind for kind in table}
    assert lines[-1] == "4 clips. Gold traces earn full marks, known hacks none."


@pytest.mark.slow
def test_a_reward_that_is_fooled_is_named(folder, capsys, monkeypatch):
    monkeypatch.setitem(REWARDS, "consistency", REWARDS["any_place"])
    assert rewards_check(RewardsCheckConfig(folder, quiet=True, limit=2)) == 1
    out = capsys.readouterr().out
    assert "consistency gives 'Earth' something in 2 of 2 clips: c0, c2" in out


@pytest.mark.slow
def test_a_reward_of_ones_own_is_shown(folder, capsys):
    assert (
        rewards_check(
            RewardsCheckConfig(folder, quiet=True, reward=("lookhear.reasoning.rewards.format:answer_format",))
        )
        == 0
    )
    assert "lookhear.reasoning.rewards.format:answer_format" in capsys.readouterr().out


def test_impossible_settings(folder, tmp_path):
    with pytest.raises(ValueError, match="counts from 0"):
        RewardsCheckConfig(folder, limit=-1)
    with pytest.raises(FileNotFoundError):
        rewards_check(RewardsCheckConfig(tmp_path / "none", quiet=True))
