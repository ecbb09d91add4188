"""The served model: MLflow runs this file (models from code) and hands it `model.safetensors`. No pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import scoring_server

from stages.networks.kernels.cache import use_cache


class RefusedError(MlflowException):
    """A table that cannot be forecast from; a server answers 400 with this sentence alone.

    MLflow's server rewrites `message`: it puts the whole table before it.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, INVALID_PARAMETER_VALUE)
        self.sentence = sentence

    def serialize_as_json(self) -> str:
        """The body of the answer."""
        return json.dumps({"error_code": self.error_code, "message": self.sentence})


class Forecaster(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]
    """A table of the last steps in, the next steps out; see `Served.forecast`."""

    def load_context(self, context: Any) -> None:
        use_cache()
        from stages.serving.served import Served

        self.chosen = Served.load(context.artifacts["chosen"])

    def predict(self, context: Any, model_input: pd.DataFrame) -> pd.DataFrame:
        from stages.serving.input.value_cells import TableError

        try:
            return self.chosen.forecast(model_input)
        except TableError as error:
            raise RefusedError(str(error)) from None


def _text(csv_input: Any, schema: Any = None) -> pd.DataFrame:
    """A request's text/csv (or a file, of `mlflow models predict`) with every cell as text."""
    from stages.serving.input.value_cells import TableError
    from stages.serving.text import read_csv

    content = Path(csv_input).read_bytes() if isinstance(csv_input, str) else csv_input.read()
    try:
        return read_csv(content.encode() if isinstance(content, str) else content)
    except TableError as error:
        raise RefusedError(str(error)) from None


# MLflow's server reads text/csv by guessing types: ids lose their zeros (01 becomes 1). Only a schema
# prevents that, but it also refuses other tables, such as whole numbers in y, with MLflow's messages. Without
# this line the server still works, but refuses, by name, an id that has lost its zeros.
scoring_server.parse_csv_input = _text
mlflow.models.set_model(Forecaster())
