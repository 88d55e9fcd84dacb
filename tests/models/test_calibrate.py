"""Where the scores of a network are put: the shift from the confidence of the best F0.5 to the box's default."""

from __future__ import annotations

import numpy as np
import pytest

from models.average_precision import FALSE, HIT, IOUS, Ranking
from models.calibrate import KINDS, LEAST_BOXES, best_confidence, main, shift, shifts


def _ranking(hits: list[float], false: list[float], missed: int = 0) -> Ranking:
    verdicts = np.array([HIT] * len(hits) + [FALSE] * len(false), np.int8)
    return Ranking(
        np.array(hits + false),
        np.repeat(verdicts[None], len(IOUS), axis=0),
        np.zeros(len(verdicts), np.int64),
        np.zeros(len(hits) + missed, np.int64),
        np.array(hits + [-1.0] * missed),
    )


def test_the_best_confidence_parts_what_is_there_from_what_is_not() -> None:
    best, score = best_confidence(_ranking([0.9, 0.8, 0.7], [0.42, 0.3]), 0.1)
    assert 0.42 < best <= 0.7
    assert score == 1.0


def test_the_middle_of_a_flat_top_is_taken() -> None:
    assert best_confidence(_ranking([0.8], [0.2]), 0.1)[0] == pytest.approx(0.505, abs=0.011)


def test_a_confidence_that_is_nearly_as_good_as_the_best_is_kept() -> None:
    clear = _ranking([0.9] * 400, [0.27])
    assert best_confidence(clear, 0.25)[0] == 0.25
    assert best_confidence(_ranking([0.9] * 400, [0.27] * 40), 0.25)[0] > 0.27


def test_missed_boxes_lower_the_score_and_move_nothing() -> None:
    with_missed = best_confidence(_ranking([0.9, 0.8, 0.7], [0.42, 0.3], missed=3), 0.1)
    assert with_missed[0] == best_confidence(_ranking([0.9, 0.8, 0.7], [0.42, 0.3]), 0.1)[0]
    assert with_missed[1] == pytest.approx(1.25 * 3 / (3 + 0.25 * 6))


@pytest.mark.parametrize("best", [0.1, 0.25, 0.52, 0.9])
def test_the_shift_moves_the_best_score_to_the_wanted_one(best: float) -> None:
    odds = best / (1 - best) * np.exp(shift(best, 0.25))
    assert odds / (1 + odds) == pytest.approx(0.25)


def test_a_kind_with_few_boxes_keeps_its_scores() -> None:
    found = {
        "person": {"boxes": LEAST_BOXES, "best": 0.5, "f": 0.9},
        "cycle": {"boxes": LEAST_BOXES - 1, "best": 0.5, "f": 0.9},
    }
    assert shifts(found, 0.25, 1.0) == {"person": round(shift(0.5, 0.25), 3), "cycle": 0.0}
    assert shifts(found, 0.25, 0.5)["person"] == pytest.approx(shift(0.5, 0.25) / 2, abs=1e-3)


def test_every_class_belongs_to_one_kind() -> None:
    names = [name for own in KINDS.values() for name in own]
    assert sorted(names) == sorted(set(names))
    assert set(names) == {"person", "bicycle", "car", "motorcycle", "bus", "truck"}


def test_a_checkpoint_that_is_none_is_refused(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    folder, out = str(tmp_path), str(tmp_path / "o.pt")
    assert main([str(tmp_path / "none.pt"), "--out", out, "--stills", folder]) == 5
    assert "must be an existing .pt checkpoint" in capsys.readouterr().err


def test_a_confidence_out_of_range_is_refused(capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit):
        main(["a.pt", "--out", "b.pt", "--stills", ".", "--at", "1.5"])
    assert "--at must be within" in capsys.readouterr().err


def test_the_shift_lands_in_the_biases_of_the_last_layers(tmp_path) -> None:  # type: ignore[no-untyped-def]
    torch = pytest.importorskip("torch", reason="torch is absent: biases are not shifted")
    pytest.importorskip("ultralytics", reason="ultralytics is absent: biases are not shifted")
    from ultralytics.nn.tasks import DetectionModel

    from models.architectures import write_architecture
    from models.calibrate import apply

    network = DetectionModel(str(write_architecture("small", tmp_path)), verbose=False)
    before = [layer[-1].bias.detach().clone() for layer in network.model[-1].cv3]
    torch.save({"model": network, "ema": None}, tmp_path / "a.pt")
    apply(tmp_path / "a.pt", tmp_path / "b.pt", {"person": -1.0, "cycle": 0.0, "four-wheeler": 0.5})
    after = torch.load(tmp_path / "b.pt", weights_only=False)["model"].model[-1].cv3
    for was, layer in zip(before, after, strict=True):
        moved = (layer[-1].bias.detach() - was).tolist()
        assert moved == pytest.approx([-1.0, 0.0, 0.5, 0.0, 0.5, 0.5], abs=1e-5)
