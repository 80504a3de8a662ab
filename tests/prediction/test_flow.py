import json
from dataclasses import replace

import pytest
import torch

from lookhear.prediction.condition import check_condition
from lookhear.prediction.flow import (
    Ema,
    FlowConfig,
    UniformBase,
    VelocityNet,
    load_flow,
    save_flow,
)
from lookhear.prediction.matching import (
    PathConfig,
    calm_velocity,
    draw_times,
    drop_condition,
    flow_matching_loss,
    mean_velocity,
)
from lookhear.prediction.sphere import geodesic, normalize, random_uniform

CONFIG = FlowConfig({"sound": 5, "sight": 3}, hidden=16, layers=3)
KINDS = {
    "plain": CONFIG,
    "adaln": replace(CONFIG, conditioning="adaln"),
    "fourier": replace(CONFIG, fourier=6, fourier_high=2.0),
    "stretched": replace(CONFIG, stretch=0.01),
    "faded": replace(CONFIG, fourier=4, fade=0.5, stretch=0.01, stretch_power=0.0),
    "all": replace(CONFIG, conditioning="adaln", fourier=4, stretch=0.1, layers=4),
    "alone": replace(CONFIG, condition_sizes={}),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def shaken(config: FlowConfig, seed: int = 0) -> VelocityNet:
    """A network whose output is not zero any more."""
    torch.manual_seed(seed)
    net = VelocityNet(config).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return net


def condition(config: FlowConfig, rows: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(9)
    return {name: torch.randn(rows, size, generator=generator) for name, size in config.condition_sizes.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_velocities_are_tangent_and_do_not_feel_the_length_of_y(kind):
    net, y, t = shaken(KINDS[kind]), random_uniform(20), torch.rand(20, 1)
    v = net(y, t, condition(net.config, 20)).detach()
    assert float((v * y).sum(-1).abs().max()) < 1e-5 * float(v.abs().max())
    assert torch.allclose(net(3 * y, t, condition(net.config, 20)), v, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_network_stays_put(kind):
    net = VelocityNet(KINDS[kind])
    assert not net(random_uniform(4), torch.rand(4, 1), condition(net.config, 4)).any()


def test_the_default_is_the_papers_four_layers():
    net = VelocityNet(FlowConfig({"x": 7}))
    assert [tuple(linear.weight.shape) for linear in (net.enter, *net.body, net.leave)] == [
        (512, 3),
        (512, 512),
        (512, 512),
        (3, 512),
    ]


def test_a_missing_part_is_its_learned_vector_and_not_zeros():
    net, rows = shaken(CONFIG), condition(CONFIG, 4)
    y, t = random_uniform(4), torch.rand(4, 1)
    present = {"sight": torch.tensor([True, False, True, False])}
    masked = net(y, t, rows, present)
    without = net(y, t, {"sound": rows["sound"]})
    learned = net(y, t, rows | {"sight": net.joined.missing["sight"].detach().expand(4, 3)})
    assert torch.allclose(masked[1::2], without[1::2], atol=1e-6)
    assert torch.allclose(without, learned, atol=1e-6)
    assert torch.allclose(masked[::2], net(y, t, rows)[::2], atol=1e-6)
    assert not torch.allclose(without, net(y, t, rows | {"sight": torch.zeros(4, 3)}), atol=1e-3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"sound": torch.zeros(2, 4)}, r"'sound' must be \[batch, 5\], but it is \[2, 4\]"),
        ({"smell": torch.zeros(2, 4)}, "knows no condition 'smell'; it takes sound, sight"),
        ({"sound": torch.zeros(2, 5), "sight": torch.zeros(3, 3)}, "one row a query"),
    ],
)
def test_a_wrong_condition_is_refused_in_a_sentence(bad, said):
    with pytest.raises(ValueError, match=said):
        check_condition(CONFIG.condition_sizes, bad)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": 1}, "at least 2"),
        ({"hidden": 0}, "hidden"),
        ({"stretch": 0.0}, "δ"),
        ({"fade": -1.0}, "fade"),
        ({"fourier_low": 0.0}, "low"),
    ],
)
def test_an_impossible_config_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(CONFIG, **change)


@pytest.mark.slow
def test_training_learns_where_each_condition_points():
    config = FlowConfig({"which": 2}, hidden=64)
    net, generator = VelocityNet(config), torch.Generator().manual_seed(0)
    places = torch.tensor([[0.0, 0, 1], [0, 0, -1]])
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(100):
        which = torch.randint(2, (128,), generator=generator)
        y0 = UniformBase().sample(which, generator)
        parts = {"which": torch.eye(2)[which]}
        loss = flow_matching_loss(net, places[which], parts, y0, PathConfig(), generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[:5]) / 5 > 2.0 and sum(losses[-10:]) / 10 < 0.3


def test_a_perfect_network_has_no_loss():
    class Exact(torch.nn.Module):
        def forward(self, y, t, condition, present):
            from lookhear.prediction.sphere import log

            return log(y, places) / (1 - t)

    places = random_uniform(64, dtype=torch.float64)
    loss = flow_matching_loss(Exact(), places, {}, random_uniform(64, dtype=torch.float64), PathConfig("late"))
    assert float(loss) < 1e-9


@pytest.mark.parametrize("moment", [0.0, 0.4, 0.9, 0.999])
def test_the_mean_velocity_is_what_single_ways_have_in_the_mean(moment):
    places = random_uniform(3, torch.Generator().manual_seed(1), torch.float64)
    places = torch.cat([places, normalize(places[:1] + 0.01)])
    generator, count = torch.Generator().manual_seed(0), 40_000
    y0, which = random_uniform(count, generator, torch.float64), torch.randint(4, (count,), generator=generator)
    t = torch.full((count, 1), moment, dtype=torch.float64)
    y, single = geodesic(y0, places[which], t)
    gap = single - mean_velocity(y, t, places)
    for field in (y.roll(1, -1), y.square(), (20 * y).sin()):
        product = (gap * field).sum(-1)
        assert abs(float(product.mean())) < 4 * float(product.std()) / count**0.5 + 1e-9
    assert float(gap.square().sum(-1).mean()) < float(single.square().sum(-1).mean())


def test_late_points_are_judged_by_all_places_and_early_ones_by_fewer_among_them_their_own():
    generator = torch.Generator().manual_seed(0)
    places, t = random_uniform(64, generator), torch.tensor([[0.1], [0.6], [0.8], [0.99]])
    y, _ = geodesic(random_uniform(4, generator), places[::16], t)
    found = calm_velocity(y, t, places, 16)
    assert torch.equal(found[2:], mean_velocity(y[2:], t[2:], places))
    assert torch.equal(found[:2], mean_velocity(y[:2], t[:2], places[::2]))


def test_mean_velocities_are_those_of_every_kth_place_and_need_no_condition():
    seen = []

    class Still(torch.nn.Module):
        def forward(self, y, t, condition, present=None):
            seen.append(len(y))
            return torch.zeros_like(y)

    assert float(flow_matching_loss(Still(), random_uniform(12), {}, random_uniform(12), PathConfig(references=4))) > 0
    assert seen == [3]
    with pytest.raises(ValueError, match="unconditional"):
        flow_matching_loss(
            Still(), random_uniform(2), {"x": torch.zeros(2, 1)}, random_uniform(2), PathConfig(references=1)
        )


def test_late_times_reach_the_floor_and_repeat():
    path = PathConfig("late", late_floor=1e-4)
    t = draw_times(4000, path, torch.Generator().manual_seed(0))
    assert 0 <= float(t.min()) and 1 - 2e-4 < float(t.max()) < 1
    assert abs(float((t > 0.99).float().mean()) - 0.255) < 0.01
    assert torch.equal(t, draw_times(4000, path, torch.Generator().manual_seed(0)))
    assert abs(float(draw_times(1000, PathConfig()).mean()) - 0.5) < 1e-3


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7, 1.0])
def test_so_many_times_are_late_as_asked(share):
    t = draw_times(4000, PathConfig("late", late_floor=1e-4, late_share=share), torch.Generator().manual_seed(0))
    assert abs(float((t > 0.99).float().mean()) - (share / 2 + (1 - share) / 100)) < 0.01


def test_conditions_are_dropped_as_often_as_asked():
    rows = condition(CONFIG, 10000)
    path = PathConfig(drop_all=0.3, drop_part=0.2)
    has = {"sight": torch.arange(10000) % 2 == 0}
    kept = drop_condition(rows, has, path, torch.Generator().manual_seed(1))
    assert abs(float(kept["sound"].float().mean()) - 0.7 * 0.8) < 0.02
    assert not kept["sight"][1::2].any()
    both_gone = ~kept["sound"] & ~kept["sight"]
    assert abs(float(both_gone[::2].float().mean()) - (0.3 + 0.7 * 0.04)) < 0.02
    assert drop_condition(rows, {}, PathConfig()) == {}
    with pytest.raises(ValueError, match="between 0 and 1"):
        PathConfig(drop_all=1.5)


def test_the_average_follows_and_survives_a_restart():
    net = shaken(CONFIG)
    ema, start = Ema(net, 0.9), net.leave.weight.detach().clone()
    with torch.no_grad():
        net.leave.weight += 1.0
    ema.update(net)
    again = Ema(net, 0.9)
    again.load_state_dict(ema.state_dict())
    again.update(net)
    ema.update(net)
    assert all(torch.equal(ema.weights[name], again.weights[name]) for name in ema.weights)
    assert torch.all(ema.weights["leave.weight"] > start)
    ema.copy_to(net)
    assert torch.all(net.leave.weight < start + 1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_flow_comes_back(kind, tmp_path):
    net = shaken(KINDS[kind])
    save_flow(net, tmp_path / "flow")
    again = load_flow(tmp_path / "flow", expected=net.config)
    assert again.config == net.config
    arguments = random_uniform(5), torch.rand(5, 1), condition(net.config, 5)
    assert torch.equal(again(*arguments), net(*arguments))


def test_a_damaged_or_foreign_checkpoint_is_refused_in_a_sentence(tmp_path):
    save_flow(shaken(CONFIG), tmp_path)
    with pytest.raises(ValueError, match=r"other settings \(hidden\)"):
        load_flow(tmp_path, expected=replace(CONFIG, hidden=32))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden": 8}))
    with pytest.raises(ValueError, match=r"do not fit the config\.json"):
        load_flow(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"depth": 8}))
    with pytest.raises(ValueError, match="no configuration of a flow"):
        load_flow(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = (tmp_path / "model.safetensors").read_bytes()
    for length in (len(weights) - 9, 20, 0):
        (tmp_path / "model.safetensors").write_bytes(weights[:length])
        with pytest.raises(ValueError, match="damaged or cut short"):
            load_flow(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError):
        load_flow(tmp_path)
