"""The served model: MLflow runs this file (models from code) and hands it `model.safetensors`. No pickle."""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from stages.networks.compiled import use_cache


class Forecaster(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]
    """A table of the last steps in, the next steps out; see `Chosen.forecast`."""

    def load_context(self, context: Any) -> None:
        use_cache()
        from stages.serving.chosen import Chosen

        self.chosen = Chosen.load(context.artifacts["chosen"])

    def predict(self, context: Any, model_input: pd.DataFrame) -> pd.DataFrame:
        from stages.serving.table import TableError

        try:
            return self.chosen.forecast(model_input)
        except TableError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from None


mlflow.models.set_model(Forecaster())
