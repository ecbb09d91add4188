"""An exported model at work: torch, numpy, safetensors and the files of this folder are all it needs.

From Python: `load("folder").forecast(window, "series")`. As a command, which prints a CSV:

    python load.py window.csv [series]

window.csv has the columns of config.json's `features`, in their order, in the data's units, and no gaps: at
least the last `steps` rows before the forecast, oldest first. Letters: L lookback, H horizon, C series that
are forecast together, F features (the C series, then the covariates), S seeds.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

RECURRENT: dict[str, Any] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
TRANSFORMS: dict[str, Any] = {"log1p": (np.log1p, np.expm1), "sqrt": (np.sqrt, np.square)}
EPSILON = 1e-5  # added to a window's variance


class Network(nn.Module):
    """One seed: a window (N, L, F), scaled and normalised, to its forecast (N, H·C)."""

    def __init__(self, config: dict[str, Any], inputs: int, outputs: int) -> None:
        super().__init__()
        self.step = inputs // config["lookback"] * config["segment"]
        self.recurrence = None
        if config["cell"] != "linear":
            cell, inputs = RECURRENT[config["cell"]], config["hidden"]
            self.recurrence = cell(self.step, inputs, config["layers"], batch_first=True)
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.recurrence is None:
            return self.head(x.flatten(1))
        return self.head(self.recurrence(x.reshape(len(x), -1, self.step))[0][:, -1])


class Forecaster(nn.Module):
    """All seeds, and ridge where the model is their mean with it. It computes in double precision."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config, channels = config, len(config["groups"][0]["series"])
        sizes = config["lookback"] * len(config["features"]), config["horizon"] * channels
        self.networks = nn.ModuleList(Network(config, *sizes) for _ in range(config["seeds"]))
        self.ridge = nn.Linear(*sizes) if config["ridge"] else None
        self.double()

    @torch.no_grad()
    @np.errstate(over="ignore", invalid="ignore")  # a forecast that is not finite is refused
    def forecast(self, window: np.ndarray, series: str | None = None) -> dict[str, np.ndarray]:
        """The next H steps in the data's units: each column (H, C), C being 1 unless channels are joint.

        Args:
            window: (T, F) in the data's units, oldest first, the features in config's order, T ≥ `steps`.
            series: whose window it is; with joint channels it is that of all series.

        Returns:
            y_hat, the mean over seeds; the bounds of each prediction interval; y_hat_spread, the standard
            deviation over seeds (NaN with one).

        Raises:
            ValueError: the series is not one of the model's, the window is too short, has gaps or has values
                that the transform does not take, or the forecast is not finite.
        """
        config, group = self.config, self._group(series)
        lookback, lag, channels = config["lookback"], config["difference"], len(group["series"])
        levels, covariates = self._checked(np.asarray(window, float), channels)
        transform, inverse = TRANSFORMS.get(config["transform"], (None, None))
        levels = transform(levels) if transform else levels
        learned = levels[lag:] - levels[:-lag] if lag else levels
        center, scale = np.array(group["center"], float), np.array(group["scale"], float)
        scale[np.isnan(scale)] = np.inf  # null: the covariate did not vary, and counts as 0
        x = (np.concatenate([learned, covariates], axis=1) - center) / scale
        seen = x[:, :channels].copy()
        shift: Any = {"none": 0.0, "last": seen[-1]}.get(config["normalise"], seen.mean(0))
        spread: Any = np.sqrt(seen.var(0) + EPSILON) if config["normalise"] == "instance" else 1.0
        x[:, :channels] = (seen - shift) / spread

        def undone(outputs: torch.Tensor) -> np.ndarray:
            y = outputs.numpy().reshape(config["horizon"], channels) * spread + shift
            y = y * scale[:channels] + center[:channels]
            for h in range(len(y) if lag else 0):  # the level a lag before is known, or forecast
                y[h] += levels[lookback + h] if h < lag else y[h - lag]
            return inverse(np.maximum(y, 0.0)) if inverse else y

        inputs = torch.from_numpy(x)[None]
        y = np.stack([undone(network(inputs)) for network in self.networks])  # (S, H, C)
        if self.ridge is not None:
            y = (y + undone(self.ridge(inputs.flatten(1)))) / 2
        if not np.isfinite(y).all():
            raise ValueError(
                "the forecast is not a finite number; the window lies too far from the data"
            )
        y_hat, columns = y.mean(0), {}
        middle, size = transform(y_hat) if transform else y_hat, np.array(group["size"], float)
        for name, quantiles in config["intervals"].items():
            bound = middle + size * np.array(quantiles)[:, None]
            columns[name] = inverse(np.maximum(bound, 0.0)) if inverse else bound
        deviation = y.std(0, ddof=1) if len(y) > 1 else np.full_like(y_hat, np.nan)
        return {"y_hat": y_hat, **columns, "y_hat_spread": deviation}

    def _group(self, series: str | None) -> dict[str, Any]:
        """The series that are forecast together, with their scaler."""
        groups = self.config["groups"]
        for group in groups:
            if series in group["series"] or (series is None and len(groups) == 1):
                return group
        names = ", ".join(name for group in groups[:10] for name in group["series"])
        more = ", …" if len(groups) > 10 else ""
        raise ValueError(f"series {series!r} is not one of the model's; name one of {names}{more}")

    def _checked(self, window: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """The last steps of the series, and the last L of the covariates."""
        steps, features = self.config["steps"], self.config["features"]
        if window.ndim != 2 or len(window) < steps or window.shape[1] != len(features):
            raise ValueError(
                f"the window has the shape {window.shape}; it needs {steps} rows or more and {len(features)} "
                f"columns: {', '.join(features)}"
            )
        levels = window[-steps:, :channels]
        covariates = window[-self.config["lookback"] :, channels:]
        if not (np.isfinite(levels).all() and np.isfinite(covariates).all()):
            raise ValueError(f"the last {steps} rows have gaps; fill them in")
        if self.config["transform"] in TRANSFORMS and (levels < 0).any():
            raise ValueError(
                f"the last {steps} rows have a value below 0, which {self.config['transform']} does not take"
            )
        return levels, covariates


def load(folder: str | Path = Path(__file__).parent) -> Forecaster:
    """The model of an export's folder."""
    config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    forecaster = Forecaster(config)
    forecaster.load_state_dict(load_file(Path(folder) / "state_dict.safetensors"))
    return forecaster


def main(path: str, series: str | None = None) -> None:
    """Print the forecast of a window in a CSV file."""
    forecaster = load()
    with open(path, encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    if header != forecaster.config["features"]:
        wanted = ", ".join(forecaster.config["features"])
        raise ValueError(f"{path} has the columns {', '.join(header)}; it needs {wanted}")
    window = np.array([[float(cell or "nan") for cell in row] for row in rows if row])
    columns = forecaster.forecast(window, series)
    names = forecaster._group(series)["series"]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["unique_id", "step", *columns])
    for channel, name in enumerate(names):
        for h in range(forecaster.config["horizon"]):
            out.writerow([name, h + 1, *(float(column[h, channel]) for column in columns.values())])


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python load.py window.csv [series]")
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
