"""How a recipe that was run as a user runs it has ended."""

import json
import math

import pytest

from mgf_brain.metrics.names import metric_of
from mgf_brain.metrics.resampling import whole_score
from mgf_brain.reports.run_scores import resampled


def finished(done, out, *names):
    """The results of a run that went well, with these scores, all of them possible."""
    assert done.status == 0, done.err
    found = json.loads((out / "results.json").read_text())
    metrics = found["metrics"]
    assert set(names) <= set(metrics)
    for name, value in metrics.items():
        if name != "folds":
            assert math.isfinite(value), name
            if name.startswith("min_dcf"):
                assert 0 <= value <= 1, name
            elif metric_of(name).unit == " %":  # of words, more may be wrong than there are
                assert 0 <= value and (value <= 100 or name[1:3] == "er"), name
    left_outcomes(out, metrics)
    assert ">Results</h2>" in (out / "report" / "index.html").read_text(encoding="utf-8")
    assert (out / "hyperparams.yaml").is_file()
    return found


# Scores whose outcomes are not kept: of other back-ends than the cosine, of one class.
NOT_DRAWN = (
    "_statistics",
    "_centred",
    "_snorm",
    "_plda",
    "folds",
    "f1",
    "step",
    "purity",
    "nmi",
    "rounds",
)


def left_outcomes(out, metrics):
    """What a run left of each utterance gives its scores again."""
    if "layers" in metrics:  # of units, pairs of utterances are scored
        return
    found = resampled(out)
    wanted = {name for name in metrics if not name.endswith(NOT_DRAWN)}
    assert wanted - {"loss"} <= found.keys()
    for name in wanted & found.keys():
        assert whole_score(found[name]) == pytest.approx(metrics[name], abs=1e-6), name


def refused(done, message):
    """It ended with status 2, and one line that says why."""
    assert done.status == 2
    assert done.err.splitlines()[-1].startswith("error:") and message in done.err.splitlines()[-1]
    assert "Traceback" not in done.err.split("error:")[-1]
