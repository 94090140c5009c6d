"""One process and two give the same losses; ranks of unequal size are gathered in order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import distributed

from mgf_brain.distributed import gather_rows, processes, sum_over_ranks
from mgf_brain.objectives.utterance import nt_xent

ROWS = (3, 5)  # of the two ranks


def _embeddings() -> torch.Tensor:
    return torch.randn(sum(ROWS), 6, generator=torch.Generator().manual_seed(0))


def _rank(rank: int, folder: str, groups: list[int]) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    first = ROWS[0] * rank
    x = _embeddings()[first : first + ROWS[rank]].requires_grad_()
    everyone, start = gather_rows(x)
    terms = nt_xent(everyone, torch.tensor(groups), 0.5, slice(start, start + len(x)))
    terms.sums.sum().backward()
    torch.save(
        {
            "start": start,
            "processes": processes(),
            "everyone": everyone.detach(),
            "sums": terms.sums.detach(),
            "gradient": x.grad,
            "total": sum_over_ranks(torch.tensor(float(rank + 1))),
        },
        Path(folder) / f"{rank}.pt",
    )
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def groups() -> list[int]:
    return [0, 1, 0, 3, 4, 3, 4, 3]  # positives lie on one rank, negatives on both


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory, groups: list[int]) -> list[dict]:
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(_rank, (str(folder), groups), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_rows_come_in_the_order_of_the_ranks(ranks: list[dict]) -> None:
    for rank, result in enumerate(ranks):
        assert result["start"] == ROWS[0] * rank
        assert result["processes"] == 2
        assert torch.equal(result["everyone"], _embeddings())
        assert result["total"] == 3.0


def test_ranks_have_the_terms_and_gradients_of_one_process(
    ranks: list[dict], groups: list[int]
) -> None:
    x = _embeddings().requires_grad_()
    terms = nt_xent(x, torch.tensor(groups), 0.5)
    terms.sums.sum().backward()
    torch.testing.assert_close(torch.cat([r["sums"] for r in ranks]), terms.sums.detach())
    torch.testing.assert_close(torch.cat([r["gradient"] for r in ranks]), x.grad)
