"""Keys and files of the member store: it never returns a wrong entry."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pytest

from stages.environment import members_folder
from stages.networks.digest import COMPUTES, OF_MODULES, ON_CUDA
from stages.networks.initial import initial_weights
from stages.networks.module.source import Source
from stages.networks.shape import Network
from stages.train.planning.key import common_parts, fold_digest, member_key
from stages.train.planning.members import Member, Recipe
from stages.train.pool.store import MemberStore
from tests.support.closure import closure
from tests.support.synthetic_windows import synthetic_windows

KEY = "cd" + "1" * 62
ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "empty": np.empty((0, 2), np.float32)}
META = {"train_losses": [0.1, 0.2], "epochs": 3}
RECIPE = Recipe(
    Network("gru", 2, 3, 6, 1, 5), 4, 16, "adam", 0.0, 0.01, "cosine", None, None, (1.0, 1.0, 1.0)
)
MEMBER = Member(1.0, 0, "fold0", 4)


def key_of(recipe: Recipe = RECIPE, member: Member = MEMBER, data: str = "d") -> str:
    return member_key(common_parts(recipe, data), member)


def test_no_flipped_byte_and_no_cut_goes_unnoticed(tmp_path, capsys):
    store = MemberStore(tmp_path)
    path = tmp_path / KEY[:2] / f"{KEY}.member"
    store.put(KEY, ARRAYS, META)
    whole = path.read_bytes()
    damaged = [whole[:stop] for stop in range(len(whole))]
    for position in range(len(whole)):
        for bit in (1, 4, 16, 64):
            raw = bytearray(whole)
            raw[position] ^= bit
            damaged.append(bytes(raw))
    silent = 0
    for raw in damaged:
        path.write_bytes(raw)
        entry = store.get(KEY)
        if entry is None:
            assert not path.exists()
            continue
        silent += 1  # a flip that changes no value, such as one in the header's padding
        assert entry[1] == META
        for name, value in ARRAYS.items():
            assert entry[0][name].dtype == value.dtype
            np.testing.assert_array_equal(entry[0][name], value)
    assert silent < len(damaged) / 20
    assert capsys.readouterr().err.count("is damaged; it will be trained again") == (
        len(damaged) - silent
    )


def test_a_finished_member_replaces_its_checkpoint(tmp_path):
    store = MemberStore(tmp_path)
    assert store.get(KEY) is None
    assert store.get(KEY, partial=True) is None
    store.put(KEY, ARRAYS, {"epoch": 1, "batch": 2}, partial=True)
    assert KEY not in store
    checkpoint = store.get(KEY, partial=True)
    assert checkpoint is not None
    assert checkpoint[1] == {"epoch": 1, "batch": 2}
    store.put(KEY, ARRAYS, META)
    assert KEY in store
    assert store.get(KEY, partial=True) is None
    assert [p.name for p in tmp_path.glob("*/*")] == [f"{KEY}.member"]


def test_many_writers_and_readers_of_one_entry(tmp_path, capsys):
    store = MemberStore(tmp_path)

    def work(i: int) -> None:
        if i % 2:
            store.put(KEY, ARRAYS, META)
        elif (entry := store.get(KEY)) is not None:
            np.testing.assert_array_equal(entry[0]["a"], ARRAYS["a"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert capsys.readouterr().err == ""
    assert [p.name for p in tmp_path.glob("*/*")] == [f"{KEY}.member"]


def test_pruning_counts_checkpoints_and_spares_what_is_in_use(tmp_path):
    store = MemberStore(tmp_path)
    keys = [f"{i:02d}{'0' * 62}" for i in range(3)]
    for i, key in enumerate(keys):
        store.put(key, ARRAYS, META, partial=i == 1)
        suffix = ".partial" if i == 1 else ".member"
        os.utime(tmp_path / key[:2] / f"{key}{suffix}", (i, i))
    assert store.prune(10**9) == 0
    store.get(keys[0])
    size = (tmp_path / "00" / f"{keys[0]}.member").stat().st_size
    assert store.prune(2 * size + 50) == 1  # the checkpoint: unused for longest now
    assert store.get(keys[1], partial=True) is None
    assert keys[0] in store
    assert keys[2] in store
    assert store.prune(0) == 2


def test_pruning_spares_what_another_run_writes_and_not_what_a_killed_one_left(tmp_path):
    now, left = tmp_path / "00" / ".a.member.x1", tmp_path / "00" / ".b.member.x2"
    now.parent.mkdir()
    now.write_bytes(b"half")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert MemberStore(tmp_path).prune(1) == 1
    assert now.exists()
    assert not left.exists()


def test_the_store_lies_in_the_repository_the_run_was_started_from(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert members_folder() == tmp_path / ".ridgeline" / "members"


CHANGES: dict[str, Any] = {
    "epochs": 5, "batch_size": 17, "optimizer": "sgd", "momentum": 0.1,
    "learning_rate": np.nextafter(0.01, 1),
    "schedule": "constant", "clip_norm": 1.0, "patience": 2, "multipliers": (1.0, 1.0, 0.5),
    "precision": "float64", "penalty": "l1", "ratio": 0.5, "device": "cuda", "loss": "absolute",
    "warmup": 0.1, "init": "torch", "shuffle": False,
}  # fmt: skip
OF_NETWORK: dict[str, Any] = {
    "cell": "lstm", "features": 3, "outputs": 4, "lookback": 7, "channels": 2, "hidden": 6, "layers": 2,
    "segment": 2, "dropout": 0.1, "normalise": "last", "module": Source("cells.a:B", (), ((2, 3),)),
    "future": 1,
}  # fmt: skip


def test_every_setting_of_a_recipe_is_in_the_key():
    assert {"network", *CHANGES} == {field.name for field in fields(Recipe)}
    assert set(OF_NETWORK) == {field.name for field in fields(Network)}
    recipes = [replace(RECIPE, **{name: value}) for name, value in CHANGES.items()]
    recipes += [
        replace(RECIPE, network=replace(RECIPE.network, **{name: value}))
        for name, value in OF_NETWORK.items()
    ]
    assert len({key_of(), *map(key_of, recipes)}) == 1 + len(recipes)


def test_a_new_setting_that_is_not_used_leaves_the_key_as_it_was():
    @dataclass(frozen=True)
    class NewNetwork(Network):
        novelty: float = 0.5

    @dataclass(frozen=True)
    class NewRecipe(Recipe):
        novelty: str | None = None

    def newer(network: dict[str, Any], recipe: dict[str, Any]) -> Recipe:
        changed = NewNetwork(**asdict(RECIPE.network), **network)
        return NewRecipe(**{**vars(RECIPE), "network": changed}, **recipe)

    assert key_of(newer({}, {})) == key_of()
    assert (
        len({key_of(), key_of(newer({"novelty": 0.0}, {})), key_of(newer({}, {"novelty": ""}))})
        == 3
    )


def test_the_name_of_the_fold_is_not_in_the_key():
    assert key_of(member=replace(MEMBER, fold="final")) == key_of()


def test_the_smallest_change_of_lambda_is_another_member():
    assert key_of(member=replace(MEMBER, lam=float(np.nextafter(1.0, 2)))) != key_of()


def test_another_version_of_the_key_is_another_member(monkeypatch):
    before = key_of()
    monkeypatch.setattr("stages.train.planning.key.KEY_VERSION", 0)
    assert key_of() != before


def test_the_data_of_the_fold_are_in_the_key_and_nothing_after_them():
    windows = synthetic_windows(groups=2, features=2)
    early = windows.folds[0]
    stop = int((early.validation % 90).max()) + windows.layout.horizon + 1
    digest = fold_digest(windows, early)

    def changed(step: int) -> str:
        values = windows.values.copy()
        values[90 + step, 1] += 1e-12  # of the second group
        return fold_digest(replace(windows, values=values), early)

    assert changed(stop) == digest
    assert len({digest, changed(0), changed(stop - 1)}) == 3
    others = [
        replace(early, center=early.center + 1e-12), replace(early, scale=early.scale * 2),
        replace(early, train=early.train[1:]), replace(early, validation=early.validation[:-1]),
    ]  # fmt: skip
    assert len({digest, *(fold_digest(windows, fold) for fold in others)}) == 5


def test_the_instruction_set_is_in_the_key(monkeypatch):
    keys = set()
    for kind in ("Haswell", "SkylakeX"):
        monkeypatch.setenv("OPENBLAS_CORETYPE", kind)  # decides the orthogonal start's last bits
        keys.add(key_of())
    assert len(keys) == 2


# Imported by what trains a member, and no part of its numbers.
DECIDE_NOTHING = {
    "stages/artifacts/calendar.py", "stages/artifacts/container.py", "stages/artifacts/pattern.py",
    "stages/artifacts/windows.py", "stages/failure.py", "stages/frequency.py", "stages/params.py",
    "stages/read_yaml.py", "stages/season.py", "stages/zones.py",
}  # fmt: skip


def test_all_code_that_trains_a_member_is_in_the_key():
    names = {f"stages/{name}" for name in COMPUTES}
    on_cuda = {f"stages/{name}" for name in ON_CUDA}
    of_modules = {f"stages/{name}" for name in OF_MODULES}
    everything = names | on_cuda | of_modules | DECIDE_NOTHING
    assert closure("stages/train/engines/trainer.py") == everything
    form = {"stages/networks/module/source.py"}  # of `Network.module`, which is in the key itself
    lazy = form | {f"stages/networks/module/{name}.py" for name in ("build", "load")}
    assert closure("stages/train/engines/cpu.py") <= names | lazy | DECIDE_NOTHING | on_cuda
    assert closure("stages/train/engines/cuda.py") <= names | on_cuda | lazy | DECIDE_NOTHING
    assert closure("stages/train/engines/module.py") <= names | of_modules | DECIDE_NOTHING


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_start_is_orthogonal_and_the_seed_decides_it(cell):
    d, network = 7, Network(cell, 2, 3, 6, 1, 7, layers=2)
    weights = initial_weights(network, 4)
    np.testing.assert_array_equal(weights, initial_weights(network, 4))
    drawn = network.groups > 0
    assert not np.isin(initial_weights(network, 5)[drawn], weights[drawn]).any()
    gates = 0
    for matrix in network.matrices[:-1]:
        block = weights[matrix.offset : matrix.offset + matrix.size].reshape(matrix.rows, -1)
        for gate in range(len(matrix.gates)):
            rows = block[gate * d : (gate + 1) * d]
            forget = cell == "lstm" and gate == 1
            np.testing.assert_array_equal(rows[:, matrix.inputs], np.full(d, float(forget)))
            if (recurrent := rows[:, matrix.inputs + 1 :]).size:
                np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(d), atol=1e-12)
                gates += 1
    assert gates == 2 * {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    head = network.matrices[-1]
    np.testing.assert_array_equal(weights[head.offset :].reshape(3, -1)[:, 0], 0)
