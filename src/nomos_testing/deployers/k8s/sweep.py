"""``python -m nomos_testing.deployers.k8s.sweep list|remove``: what the reaper calls after the death of a runner.

    sweep list RELEASE NAMESPACE own|shared       prints what is left of a run, a name a line
    sweep remove RELEASE NAMESPACE own|shared NAME...    removes it

Exit code 1: the API server does not answer, so that nothing is known.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.teardown import begin_removal, leftovers
from nomos_testing.deployers.shared.errors import DeployError

_PATIENCE: Final = 5.0
_USAGE: Final = "python -m nomos_testing.deployers.k8s.sweep list|remove RELEASE NAMESPACE own|shared [NAME...]"


async def sweep(action: str, release: str, namespace: str, ownership: str) -> Sequence[str]:
    """Do one action, and return the names of what is left before it.

    Raises:
        DeployError: the API server refuses or does not answer.
    """
    api = await KubernetesApi.connect(os.environ, context=os.environ.get("K8S_CONTEXT") or None, timeout=_PATIENCE)
    owns_namespace = ownership == "own"
    try:
        if action == "remove":
            await begin_removal(api, namespace, release, owns_namespace=owns_namespace)
            return []
        return await leftovers(api, release, namespace=namespace, owns_namespace=owns_namespace)
    finally:
        await api.close()


def main() -> None:
    if len(sys.argv) < 5 or sys.argv[1] not in {"list", "remove"}:
        sys.exit(f"usage: {_USAGE}")
    try:
        names = asyncio.run(sweep(*sys.argv[1:5]))
    except DeployError as error:
        sys.exit(str(error))
    print("\n".join(names))


if __name__ == "__main__":
    main()
