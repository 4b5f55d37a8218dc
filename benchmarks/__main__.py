"""Every measurement that needs nothing but the repository, one after the other: `python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys

PARTS = ("engine", "knowledge", "scale", "embedder", "answers", "hostile", "teaching")


def main() -> int:
    failed = []
    for part in PARTS:
        print(f"\n## {part}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{part}"], check=False).returncode:
            failed.append(part)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
