""".venv-peers/bin/python -m benchmarks.neuralforecast_members FOLDER: a study's members by neuralforecast.

Reads what benchmarks/peers.py writes, FOLDER/peer.json and FOLDER/peer.npz (`z` (T,) the scaled series,
`stop` the end of its training part, `origins` (N,) of the test windows), and writes FOLDER/peer_results.npz.
It runs where this project's packages are not installed, and so imports nothing of it. One thread.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MSE
from neuralforecast.models import GRU, LSTM

MODELS = {"gru": GRU, "lstm": LSTM}
PACKAGES = ("neuralforecast", "torch", "pytorch-lightning")


class WeightsDecay(torch.optim.Adam):
    """Adam whose decay is of weights alone: biases have one dimension."""

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        parameters = list(params)
        weights = [p for p in parameters if p.ndim > 1]
        biases = [p for p in parameters if p.ndim < 2]
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": weight_decay},
            {"params": biases},
        ]
        super().__init__(groups, lr=lr, eps=eps)


class Watched(MSE):  # type: ignore[misc]
    """MSE that keeps the targets of the last batch (B, H), of which none may be padding."""

    targets: ClassVar[np.ndarray] = np.empty((0, 0))

    def __call__(self, y: torch.Tensor, y_hat: torch.Tensor, **more: Any) -> torch.Tensor:
        assert bool((more["mask"] == 1).all()), "a training window reaches beyond the training part"
        Watched.targets = y.detach().numpy().reshape(len(y), -1).copy()
        return super().__call__(y, y_hat, **more)


def model_of(settings: dict[str, Any], loss: Any, seed: int, decay: float, **changes: Any) -> Any:
    """An untrained model; all that this project's study sets and neuralforecast has is set alike."""
    arguments = {
        "h": settings["horizon"], "input_size": settings["lookback"],
        "encoder_hidden_size": settings["hidden"], "encoder_n_layers": settings["layers"],
        "decoder_hidden_size": settings["hidden"], "loss": loss, "max_steps": settings["steps"],
        "batch_size": 1, "windows_batch_size": settings["batch"], "training_data_availability_threshold": 1.0,
        "scaler_type": "identity", "random_seed": seed, "learning_rate": settings["learning_rate"],
        "optimizer": WeightsDecay, "optimizer_kwargs": {"weight_decay": decay, "eps": settings["eps"]},
        "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR,
        "lr_scheduler_kwargs": {"T_max": settings["steps"]}, "alias": "y_hat", "accelerator": "cpu",
        "logger": False, "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    return MODELS[settings["cell"]](**arguments | changes)


def fitted(model: Any, train: pd.DataFrame) -> tuple[NeuralForecast, float]:
    """The model trained on a series, and the CPU seconds of that: user and system, children included."""
    forecaster = NeuralForecast(models=[model], freq=1)
    began = sum(os.times()[:4])
    forecaster.fit(df=train)
    return forecaster, sum(os.times()[:4]) - began


def main(folder: Path) -> None:
    """Train each member and forecast from each test origin."""
    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    settings = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
    arrays = np.load(folder / "peer.npz")
    z, stop, origins = arrays["z"], int(arrays["stop"]), arrays["origins"]
    frame = pd.DataFrame({"unique_id": 0, "ds": np.arange(len(z)), "y": z})
    # Each test window is a series of its last values, so that nothing after its origin can be seen.
    begins = 1 - settings["lookback"]
    windows = [frame[origin + begins : origin + 1].assign(unique_id=origin) for origin in origins]
    past = pd.concat(windows)
    # One step on all windows at once: which they are; it also warms up.
    once = {"max_steps": 1, "windows_batch_size": settings["windows"]}
    watched = model_of(settings, Watched(), 0, 0.0, **once)
    fitted(watched, frame[:stop])
    forecasts, seconds, steps = [], [], np.empty(0)
    for decay in settings["weight_decays"]:
        for seed in range(settings["seeds"]):
            model = model_of(settings, MSE(), seed, decay)
            forecaster, taken = fitted(model, frame[:stop])
            seconds.append(taken)
            rows = forecaster.predict(df=past).sort_values(["unique_id", "ds"])
            shape = (len(origins), settings["horizon"])
            assert np.array_equal(rows["unique_id"], np.repeat(origins, shape[1]))
            steps = rows["ds"].to_numpy().reshape(shape)
            forecasts.append(rows["y_hat"].to_numpy().reshape(shape))
    members = len(settings["weight_decays"]), settings["seeds"]
    np.savez(
        folder / "peer_results.npz",
        forecasts=np.reshape(forecasts, (*members, *shape)),
        steps=steps,
        seconds=np.reshape(seconds, members),
        training_targets=Watched.targets,
        parameters=sum(p.numel() for p in watched.parameters()),
        versions=json.dumps({name: version(name) for name in PACKAGES}),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
