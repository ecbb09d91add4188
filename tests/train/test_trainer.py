"""A member's bits depend on nothing but what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.networks.initial import initial_weights
from stages.networks.shape import Network
from stages.train.engines.engine import State, fold_data, start_state
from stages.train.engines.trainer import Chunk, Outcome
from stages.train.planning.key import common_parts, fold_digest, member_key
from stages.train.planning.members import Member, Recipe
from stages.train.pool.store import MemberStore
from stages.train.pool.worker import _groups
from tests.support.members import CASES, WINDOWS, assert_same, members_of, recipe_for
from tests.support.synthetic_windows import synthetic_windows
from tests.support.training import trained

EVEN = synthetic_windows(steps=150, features=1, lookback=16, horizon=4)
ODD = synthetic_windows(steps=131, groups=3, features=3, lookback=13, horizon=1, normalise="last")


@pytest.mark.parametrize("cell", CASES)
def test_bits_do_not_depend_on_company(cell):
    recipe = recipe_for(cell)
    members = members_of(51)
    alone = trained(recipe, WINDOWS, [members[4]])[members[4]]
    assert np.isfinite(alone.weights).all()
    assert np.isfinite(alone.curves).all()
    for company in (members[4:7], members[:10], members[9::-1], members):
        assert_same(trained(recipe, WINDOWS, company)[members[4]], alone)
    assert_same(trained(recipe, WINDOWS, [members[4]])[members[4]], alone)
    other = trained(recipe, WINDOWS, [members[7]])[members[7]]  # same seed, another λ
    assert not np.array_equal(other.weights, alone.weights)


@pytest.mark.parametrize("cell", CASES)
@pytest.mark.parametrize(
    ("windows", "shape", "batch"),
    [(EVEN, (1, 4, 16, 1, 16), 32), (ODD, (3, 1, 13, 1, 21), 29)],
    ids=["even", "odd"],
)
def test_nor_in_other_shapes(cell, windows, shape, batch):
    network = replace(Network(cell, *shape), normalise=windows.layout.normalise)
    recipe = replace(recipe_for(cell), network=network, batch_size=batch)
    members = members_of(10)
    together = trained(recipe, windows, members)
    for member in (members[0], members[9]):
        assert_same(trained(recipe, windows, [member])[member], together[member])


@pytest.mark.parametrize("cell", CASES)
def test_nor_on_company_that_diverges(cell):
    network = replace(CASES[cell][0], dropout=0.3)
    recipe = replace(recipe_for(cell, 6), network=network, optimizer="sgd", clip_norm=None)
    member, lost = members_of(4, 6)[3], Member(1e12, 0, "fold1", 6)
    alone = trained(recipe, WINDOWS, [member])[member]
    assert np.isfinite(alone.weights).all()
    for company in ([lost, member], [member, lost]):
        outcomes = trained(recipe, WINDOWS, company)
        assert not np.isfinite(outcomes[lost].weights).any()
        assert_same(outcomes[member], alone)


def test_seeds_are_common_to_all_lambdas():
    network = CASES["lstm"][0]
    recipe = recipe_for("lstm")
    state = start_state(recipe, members_of(6))
    np.testing.assert_array_equal(state.weights[1], state.weights[4])
    assert not np.array_equal(state.weights[0], state.weights[1])
    w = initial_weights(network, 1)[: network.matrices[0].size].reshape(4 * 9, -1)
    for gate in range(4):
        block = w[9 * gate : 9 * gate + 9, 3:]
        np.testing.assert_allclose(block @ block.T, np.eye(9), atol=1e-12)
    np.testing.assert_array_equal(w[:, 2], np.repeat([0.0, 1.0, 0.0, 0.0], 9))


class KilledError(Exception):
    """Simulates the end of a process."""


@pytest.mark.parametrize("cell", CASES)
def test_an_interrupted_member_goes_on_to_the_same_bits(cell, tmp_path, monkeypatch):
    recipe = recipe_for(cell)
    members = members_of(5)
    whole = trained(recipe, WINDOWS, members)
    data = fold_data(WINDOWS, WINDOWS.folds[1], "float32")
    store, keys = MemberStore(tmp_path), {m: f"{i:02d}{'a' * 62}" for i, m in enumerate(members)}
    rng = np.random.default_rng(5)
    outcomes: dict[Member, Outcome] = {}

    def pause(chunk: Chunk) -> None:
        for k, member in enumerate(chunk.members):
            arrays = {name: getattr(chunk.state, name)[k] for name in State.ARRAYS}
            meta = {"epoch": chunk.state.epoch, "batch": chunk.state.batch}
            store.put(keys[member], arrays, meta, partial=True)
        if rng.random() < 0.4:
            raise KilledError

    for _ in range(200):
        left = [m for m in members if m not in outcomes]
        if not left:
            break
        try:
            for group, state in _groups(recipe, left, keys, store):
                Chunk(recipe, data, group, state, outcomes.__setitem__, pause).run()
        except KilledError:
            continue
    assert set(outcomes) == set(members)
    for member in members:
        assert_same(outcomes[member], whole[member])


def test_early_stopping_keeps_the_best_epoch():
    recipe = recipe_for("gru", epochs=60, patience=3)
    for member, outcome in trained(recipe, WINDOWS, members_of(4, 60)).items():
        validation = outcome.curves[:, 1]
        seen = validation[np.isfinite(validation)]
        assert outcome.epochs == np.argmin(seen) + 1
        assert len(seen) in (60, outcome.epochs + 3)
        assert outcome.window_losses[0].mean() == pytest.approx(seen.min(), rel=1e-12)
        alone = Member(member.lam, member.seed, "fold1", outcome.epochs)
        shorter = trained(recipe_for("gru", epochs=60), WINDOWS, [alone])
        np.testing.assert_array_equal(shorter[alone].weights, outcome.weights)


def test_keys_name_all_that_decides(monkeypatch):
    recipe, member = recipe_for("gru"), Member(1.0, 0, "fold0", 4)
    digests = [fold_digest(WINDOWS, fold) for fold in WINDOWS.folds]
    assert len(set(digests)) == 3

    def key(recipe: Recipe, member: Member, data: str) -> str:
        return member_key(common_parts(recipe, data), member)

    keys = {key(recipe, member, digests[0])}
    for other in (
        Member(1.5, 0, "fold0", 4),
        Member(1.0, 1, "fold0", 4),
        Member(1.0, 0, "fold0", 3),
    ):
        keys.add(key(recipe, other, digests[0]))
    keys.add(key(recipe, member, digests[1]))
    keys.add(key(recipe_for("lstm"), member, digests[0]))
    monkeypatch.setattr("stages.train.planning.key.code_digest", lambda device: "another")
    keys.add(key(recipe, member, digests[0]))
    assert len(keys) == 7
