"""The registered model as MLflow runs it: loaded and asked, and over HTTP."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.serving.registry import ready
from stages.serving.registry.register import champion, register
from stages.serving.served import Served
from tests.support.experiments import free_port, serving
from tests.support.serving_model import H, model, series, table_of

pytestmark = [  # what MLflow itself does
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning"),
    pytest.mark.filterwarnings("ignore:Operation with range:pandas.errors.Pandas4Warning"),
]


@pytest.fixture(scope="module")
def registered(tmp_path_factory) -> tuple[str, Served, pd.DataFrame]:
    """The store's address with the champion of a study of one seed, the model, and its series as a table."""
    from mlflow.tracking import MlflowClient

    folder = tmp_path_factory.mktemp("served")
    study = series(levels={"01": 50.0, "2": 400.0, "web": 7.0})
    chosen, _ = model(study, seeds=1)
    chosen.save(folder / "model.safetensors")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("study", (folder / "artifacts").as_uri())
    run = client.create_run(experiment).info.run_id
    tags = {"ridgeline.key": "k"}
    assert champion(uri) is None
    path = folder / "model.safetensors"
    assert register(client, uri, run, path, tags) == ("1", True)
    assert register(client, uri, run, path, tags) == ("1", False)
    assert champion(uri) == "1"
    return uri, chosen, table_of(study).round({"y": 0})


def test_a_file_that_was_read_by_pandas_goes_straight_into_predict(registered, tmp_path):
    import mlflow

    uri, chosen, table = registered
    mlflow.set_tracking_uri(uri)
    loaded = mlflow.pyfunc.load_model("models:/ridgeline@champion")
    plain = chosen.forecast(table)
    pd.testing.assert_frame_equal(loaded.predict(table), plain)
    table.astype({"y": int}).to_csv(tmp_path / "sales.csv", index=False)
    text = pd.read_csv(tmp_path / "sales.csv", dtype={"unique_id": str})
    assert text["y"].dtype == np.int64
    pd.testing.assert_frame_equal(loaded.predict(text), plain)
    numbers = table[table["unique_id"].isin(["01", "2"])]
    numbers.to_csv(tmp_path / "sales.csv", index=False)
    answer = loaded.predict(pd.read_csv(tmp_path / "sales.csv"))  # 01 is 1 now
    assert answer["note"].iloc[0].startswith("refused: the model knows '01', not '1'")
    assert answer["y_hat"].tolist()[1:] == plain["y_hat"].tolist()[H : 2 * H]
    with pytest.raises(Exception, match="column 'y' is missing; known: unique_id, ds, value"):
        loaded.predict(table.rename(columns={"y": "value"}))


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def post(address: str, body: str, kind: str) -> tuple[int, Any]:
    headers = {"Content-Type": kind}
    request = urllib.request.Request(f"{address}/invocations", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, strict(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.code, strict(error.read().decode())


def records(table: pd.DataFrame) -> str:
    return '{"dataframe_records": ' + table.to_json(orient="records") + "}"


def split(table: pd.DataFrame) -> str:
    return '{"dataframe_split": ' + table.to_json(orient="split") + "}"


@pytest.mark.slow
def test_every_form_of_a_table_is_answered_over_http(registered, tmp_path):
    uri, chosen, table = registered
    plain = chosen.forecast(table)
    table = table.assign(ds=table["ds"].astype(str)).astype({"y": int})
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", "models:/ridgeline@champion",
        "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    with serving(tmp_path, *command, ready=f"{address}/ping", MLFLOW_TRACKING_URI=uri):
        zulu = table.assign(ds=table["ds"] + "T00:00:00Z")
        gap = table["y"].mask(table.index == 5)  # a null, long ago
        wanted = [round(value, 6) for value in plain["y_hat"]]
        for form in (table, zulu, table.assign(y=gap), table.assign(y=table["y"].astype(str))):
            bodies = {
                "application/json": records(form),
                "application/json; charset=utf-8": split(form),
            }
            bodies["text/csv"] = form.to_csv(index=False)
            for kind, body in bodies.items():
                code, answer = post(address, body, kind)
                assert code == 200, answer
                rows = answer["predictions"]
                assert [round(row["y_hat"], 6) for row in rows] == wanted
                assert {row["y_hat_spread"] for row in rows} == {None}
                assert rows[0]["ds"] == "2006-01-31T00:00:00"
        closed = table.drop(table.index[table["unique_id"] == "2"][-H - 1 :])
        code, answer = post(address, closed.to_csv(index=False), "text/csv")
        row = answer["predictions"][H]
        assert row | {"note": ""} == {
            "unique_id": "2", "ds": None, "y_hat": None, "y_hat_spread": None, "note": "",
        }  # fmt: skip
        assert row["note"].startswith("refused: it ends at 2005-08-31")
        for body, kind, sentence in (
            (records(table.rename(columns={"y": "value"})), "application/json",
             "column 'y' is missing; known: unique_id, ds, value; wanted: unique_id, ds, y"),
            (records(table.assign(ds="someday")), "application/json",
             "ds: row 1 has 'someday', which has no known date format; write dates such as 2024-01-31 or "
             "2024-01-31 13:00"),
            (records(table.tail(5)), "application/json",
             "series 'web': it has 5 steps; a forecast looks back on 8: give that many"),
            ("unique_id,ds,y\n01,2001-01-31\n", "text/csv",
             "row 2 of the CSV has 2 cells, the first has 3; correct the row"),
            ("unique_id,ds,y\n", "text/csv",
             "the table has no rows; give the last steps of each series"),
            ('{"dataframe_records": []}', "application/json",
             "the table has no rows; give the last steps of each series"),
            (records(table[table["unique_id"] == "2"].head(1)).replace('"y":', '"y":1' + 400 * "0" + ',"z":'),
             "application/json",
             f"series '2': y at 2001-01-31 is 1{59 * '0'}…, not a finite number"),
            (records(table[table["unique_id"] == "2"].assign(y=True)), "application/json",
             "series '2': y at 2001-01-31 is True, not a finite number"),
            ('{"inputs": {"unique_id": ["01"]}}', "application/json",
             "give a table (a pandas DataFrame; over HTTP dataframe_records, dataframe_split or text/csv) "
             "with the columns unique_id, ds, y, not dict"),
        ):  # fmt: skip
            error = {"error_code": "INVALID_PARAMETER_VALUE", "message": sentence}
            assert post(address, body, kind) == (400, error)


def test_a_covariate_called_y_is_served_under_its_column(tmp_path):
    """By what MLflow's server does with a request."""
    import mlflow
    from mlflow.pyfunc import scoring_server
    from mlflow.tracking import MlflowClient

    study = series(("y", "rain"))
    chosen, _ = model(study)
    chosen.save(tmp_path / "model.safetensors")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("s", (tmp_path / "a").as_uri())).info.run_id
    register(client, uri, run, tmp_path / "model.safetensors", {"ridgeline.key": "k"})
    mlflow.set_tracking_uri(uri)
    loaded = mlflow.pyfunc.load_model("models:/ridgeline@champion")
    table = table_of(study)
    assert list(table) == ["unique_id", "ds", "y", "covariate:y", "rain"]
    plain = chosen.forecast(study)
    pd.testing.assert_frame_equal(loaded.predict(table), plain)
    dated = table.assign(ds=table["ds"].astype(str))
    for kind, body in (
        ("application/json", records(dated)),
        ("text/csv", dated.to_csv(index=False)),
    ):
        answer = scoring_server.invocations(body, kind, loaded, None)
        assert answer.status == 200
        rows = strict(answer.response)["predictions"]
        np.testing.assert_allclose([row["y_hat"] for row in rows], plain["y_hat"], rtol=1e-6)


def test_before_the_first_promotion_the_server_says_what_to_do(registered, tmp_path, monkeypatch):
    uri, _, _ = registered
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    wanted = r"no model has been promoted: .* commit a study that has run \(make repro\), then make promote"
    with pytest.raises(ValueError, match=wanted):
        ready.main()
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    ready.main()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ValueError, match="MLflow's store does not answer"):
        ready.main()


def test_the_model_needs_no_pickle(registered):
    uri, _, _ = registered
    folder = Path(uri.removeprefix("sqlite:///")).parent / "artifacts"
    assert list(folder.rglob("MLmodel"))
    assert not list(folder.rglob("*.pkl"))
