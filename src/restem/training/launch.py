"""torchrun, which ends with the stage that started it, and its processes with it."""

from __future__ import annotations

from restem.core.orphans import end_with_parent


def main() -> None:
    """The arguments are torchrun's."""
    end_with_parent()
    from torch.distributed.run import main as torchrun

    torchrun()


if __name__ == "__main__":
    main()
