"""python -m stages.serving.registry.ready: before a server starts, whether there is a model to serve."""

from __future__ import annotations

from stages.environment import mlflow_address, quieten
from stages.failure import guarded
from stages.serving.registry.registered_name import ALIAS, MODEL


def main() -> None:
    """Return if the store has a champion.

    Raises:
        ValueError: it has none, or does not answer.
    """
    quieten()
    from stages.serving.registry.register import champion

    try:
        version = champion(mlflow_address()[0])
    except Exception as error:  # MLflow's, of any store
        raise ValueError(
            f"MLflow's store does not answer ({type(error).__name__}); start its server, or unset "
            "MLFLOW_TRACKING_URI to use this repository's store"
        ) from None
    if version is None:
        raise ValueError(
            f"no model has been promoted: models:/{MODEL}@{ALIAS} does not exist; commit a study that has "
            "run (make repro), then make promote, then make serve"
        )


if __name__ == "__main__":
    guarded(main)
