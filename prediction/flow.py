"""A flow on the sphere: the network that says which way points drift, the base it starts from, and its files.

In: points on S², times in [0, 1], and a condition ψ: any named vectors (a language model's hidden state, an image or
sound embedding, atoms), each of which may be missing. Out: velocities, tangent at the points. At t = 0 points are
drawn from a base that is known; at t = 1 they follow p(place | ψ).
The tangent projection is what makes the density of `lookhear.prediction.solver` integrate to 1.
On disk: `config.json` beside `model.safetensors`, each written whole or not at all.
It does not know how it is trained (`lookhear.prediction.matching`) or integrated (`lookhear.prediction.solver`), nor
what the condition means.

Source: Chen and Lipman 2024, "Flow matching on general geometries".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Generator, Tensor, nn

from lookhear.data.atomic import write_atomic
from lookhear.prediction.condition import Condition, Joined, Present
from lookhear.prediction.sphere import normalize, project, random_uniform


@runtime_checkable
class Base(Protocol):
    """Where the flow starts: a density that can be drawn from and asked; it may differ from query to query."""

    def sample(self, rows: Int[Tensor, " n"], generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """One unit vector for each row; a row is the number of a query."""

    def log_density(self, y: Float[Tensor, "n 3"], rows: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Log-density in nats per steradian of each point under its query's base."""

    def content(self) -> Iterator[bytes]:
        """All that it is made of: by it a checkpoint knows what it started from."""


class UniformBase:
    """Start from knowing nothing, as the paper does."""

    def sample(self, rows: Int[Tensor, " n"], generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """Points drawn evenly over the sphere."""
        device = generator.device if generator is not None else rows.device
        return random_uniform(len(rows), generator, device=device).to(rows.device)

    def log_density(self, y: Float[Tensor, "n 3"], rows: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """-log 4π everywhere."""
        return torch.full_like(y[:, 0], -math.log(4 * math.pi))

    def content(self) -> Iterator[bytes]:
        """Nothing."""
        return iter(())


@dataclass(frozen=True)
class FlowConfig:
    """What a `VelocityNet` is; saved beside its weights.

    Raises:
        ValueError: a size is not positive, or a setting is outside its range.
    """

    condition_sizes: dict[str, int] = field(default_factory=dict)
    """Length of each named part of the condition; none: the flow is unconditional."""
    hidden: int = 512
    """Width of the hidden layers."""
    layers: int = 4
    """Linear layers, first and last included."""
    conditioning: Literal["concat", "adaln"] = "concat"
    """How time and condition enter: beside the point, or as scale and shift of each normalised layer (AdaLN)."""
    fourier: int = 0
    """Random Fourier features of the point, each a sine and a cosine; 0: the point's coordinates alone."""
    fourier_low: float = 0.25
    """Lowest frequency of a Fourier feature, in cycles per Earth radius."""
    fourier_high: float = 32.0
    """Highest frequency of a Fourier feature, in cycles per Earth radius; frequencies are log-uniform."""
    fade: float = 0.0
    """Fourier features are faded as if the point were blurred by this angle (radians) times 1 - t: what the field is
    like far from t = 1 is smooth. Barron et al. 2021, "Mip-NeRF", equation 14."""
    stretch: float | None = None
    """If δ is given, the network also sees log(1 - t + δ), and v = g/(1 - t + δ)^`stretch_power`."""
    stretch_power: float = 1.0
    """At 1 the network need not grow large as points close in on their place; at 0 its output is of one size at all
    times, which learns faster (docs/LOG.md)."""

    def __post_init__(self) -> None:
        for name, size in [("hidden", self.hidden), *self.condition_sizes.items()]:
            if size < 1:
                raise ValueError(f"The size of {name!r} must be at least 1, but it is {size}.")
        if self.layers < 2:
            raise ValueError(f"A flow needs at least 2 layers, but layers is {self.layers}.")
        if self.fourier < 0 or not 0 < self.fourier_low <= self.fourier_high:
            raise ValueError(
                f"Fourier features need 0 < low <= high, but there are {self.fourier} of them "
                f"between {self.fourier_low} and {self.fourier_high}."
            )
        if self.stretch is not None and not self.stretch > 0:
            raise ValueError(f"The stretch δ must be above 0, but it is {self.stretch}; leave it out for none.")
        if not (0 <= self.stretch_power <= 1 and self.fade >= 0):
            raise ValueError(
                f"fade must not be negative and stretch_power must lie between 0 and 1, "
                f"but they are {self.fade} and {self.stretch_power}."
            )


class VelocityNet(nn.Module):
    """v(y, t, ψ): an MLP whose output is projected onto the tangent plane at the normalised y.

    Example:
        >>> net = VelocityNet(FlowConfig({"sound": 1024}))
        >>> net(random_uniform(8), torch.rand(8, 1), {"sound": torch.randn(8, 1024)}).shape
        torch.Size([8, 3])
    """

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        hidden, sizes = config.hidden, config.condition_sizes
        self.frequencies: Tensor
        self.register_buffer("frequencies", _frequencies(config))
        self.enter = nn.Linear(3 + 2 * config.fourier, hidden)
        self.enter_time = nn.Linear(1 if config.stretch is None else 2, hidden, bias=False)
        self.enter_condition = nn.Linear(sum(sizes.values()), hidden, bias=False) if sizes else None
        self.joined = Joined(sizes)
        self.body = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(config.layers - 2))
        self.leave = nn.Linear(hidden, 3)
        modulated = config.layers - 1 if config.conditioning == "adaln" else 0
        self.modulate = nn.ModuleList(nn.Linear(hidden, 2 * hidden) for _ in range(modulated))
        for last in (self.leave, *self.modulate):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(
        self, y: Float[Tensor, "n 3"], t: Float[Tensor, "n 1"], condition: Condition, present: Present | None = None
    ) -> Float[Tensor, "n 3"]:
        """Velocities at points y and times t, one row of the condition for each."""
        y = normalize(y)
        return project(y, self.ambient(y, t, self.embed(condition, present)))

    def ambient(
        self, y: Float[Tensor, "n 3"], t: Float[Tensor, "*n 1"], embedded: Float[Tensor, "#n hidden"]
    ) -> Float[Tensor, "n 3"]:
        """What the projection makes tangent; any vectors in R³, at any points of R³."""
        entered = embedded + self.enter_time(self.time_features(t))
        with torch.autocast(y.device.type, enabled=False):
            x = self.enter(self.features(y, t))
        if self.config.conditioning == "concat":
            x = x + entered
        for depth, linear in enumerate([*self.body, self.leave]):
            x = linear(F.silu(self._modulated(x, entered, depth)))
        velocity: Tensor = x * self.speed(t)
        return velocity

    def embed(self, condition: Condition, present: Present | None = None) -> Float[Tensor, "batch hidden"]:
        """The condition as it enters the first layer; a solver does this once for all its steps.

        Raises:
            ValueError: a part is unknown or of the wrong size.
        """
        batch = next((len(part) for part in condition.values()), 1)
        joined = self.joined(condition, present or {}, batch)
        if self.enter_condition is None:
            return self.enter.weight.new_zeros(1, self.config.hidden)
        return self.enter_condition(joined)  # type: ignore[no-any-return]

    def features(self, y: Float[Tensor, "n 3"], t: Float[Tensor, "*n 1"]) -> Float[Tensor, "n width"]:
        """What the first layer sees of a point."""
        if not self.config.fourier:
            return y
        turns = y @ self.frequencies.T
        loud = self.loudness(t)
        return torch.cat([y, loud * turns.sin(), loud * turns.cos()], dim=-1)

    def loudness(self, t: Float[Tensor, "*n 1"]) -> Float[Tensor, "*n fourier"]:
        """Factor of each Fourier feature at a time: exp(-(frequency · fade · (1 - t))²/2)."""
        blur = self.config.fade * (1 - t)
        return torch.exp(-0.5 * (self.frequencies.norm(dim=-1) * blur).square())

    def time_features(self, t: Float[Tensor, "*n 1"]) -> Float[Tensor, "*n width"]:
        """What the network sees of the time: t, and how close to the end it is on a log scale."""
        delta = self.config.stretch
        if delta is None:
            return t
        left: Tensor = 1 - t + delta
        return torch.cat([t, left.log() / math.log(delta)], dim=-1)

    def speed(self, t: Float[Tensor, "*n 1"] | float) -> Float[Tensor, "*n 1"] | float:
        """The factor 1/(1 - t + δ)^power."""
        delta, power = self.config.stretch, self.config.stretch_power
        return 1.0 if delta is None or power == 0 else (1 - t + delta) ** -power

    def _modulated(self, x: Tensor, entered: Tensor, depth: int) -> Tensor:
        if self.config.conditioning == "concat":
            return x
        scale, shift = self.modulate[depth](F.silu(entered)).chunk(2, dim=-1)
        modulated: Tensor = F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
        return modulated


class Ema:
    """Exponential moving average of a network's weights, with a short memory while training is young."""

    def __init__(self, net: nn.Module, decay: float = 0.999) -> None:
        self.decay, self.updates = decay, 0
        self.weights = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Move towards the network's weights of now."""
        self.updates += 1
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        now = net.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [now[name] for name in self.weights], share)

    def copy_to(self, net: nn.Module) -> None:
        """Give a network the averaged weights."""
        net.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, object]:
        """All that is needed to go on later."""
        return {"updates": self.updates, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """What `state_dict` gave."""
        self.updates, weights = int(state["updates"]), state["weights"]  # type: ignore[call-overload]
        self.weights = {name: value.clone() for name, value in weights.items()}  # type: ignore[attr-defined]


def save_flow(net: VelocityNet, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` into a folder, the weights last."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "config.json", json.dumps(asdict(net.config), indent=2) + "\n")
    weights = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    write_atomic(folder / "model.safetensors", save(weights))


def load_flow(folder: Path, expected: FlowConfig | None = None) -> VelocityNet:
    """Read what `save_flow` wrote, ready to evaluate.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: a file is damaged, or they belong to another configuration (or not to the `expected` one).
    """
    config = _read_config(folder / "config.json")
    if expected is not None and config != expected:
        differ = [f.name for f in fields(config) if getattr(config, f.name) != getattr(expected, f.name)]
        raise ValueError(f"The flow in {folder} was made with other settings ({', '.join(differ)}); take its own.")
    net = VelocityNet(config)
    path = folder / "model.safetensors"
    try:
        net.load_state_dict(load(path.read_bytes()))
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short ({error}); copy it again.") from error
    except RuntimeError as error:
        raise ValueError(f"The weights in {path} do not fit the config.json beside them; copy both again.") from error
    return net.eval()


def _read_config(path: Path) -> FlowConfig:
    try:
        return FlowConfig(**json.loads(path.read_text()))
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{path} is no configuration of a flow ({error}); copy it again.") from error


def _frequencies(config: FlowConfig) -> Float[Tensor, "fourier 3"]:
    """Random directions with log-uniform lengths, in radians per unit; the same for the same config."""
    generator = Generator().manual_seed(config.fourier)
    low, high = math.log(config.fourier_low), math.log(config.fourier_high)
    cycles = (low + (high - low) * torch.rand(config.fourier, 1, generator=generator)).exp()
    return 2 * math.pi * cycles * random_uniform(config.fourier, generator)
