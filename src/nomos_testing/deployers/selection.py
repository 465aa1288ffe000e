"""The deployers by their names in commands. Each brings many modules, and a run needs one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nomos_testing.deployers.compose.deployer import ComposeDeployer
    from nomos_testing.deployers.k8s.deployer import K8sDeployer
    from nomos_testing.deployers.local.deployer import LocalDeployer

_KUBERNETES: Final = "kubernetes_asyncio"


def missing_package(name: str) -> str | None:
    """Return which package a deployer needs and how to install it; None if it is there."""
    if name == "k8s" and find_spec(_KUBERNETES) is None:
        return "the package kubernetes-asyncio is not installed\n  -> pip install kubernetes-asyncio"
    return None


def deployer_class(name: str) -> type[LocalDeployer | ComposeDeployer | K8sDeployer]:
    """Return the class of a deployer: ``local`` (processes), ``compose`` (containers) or ``k8s`` (pods)."""
    if name == "compose":
        from nomos_testing.deployers.compose.deployer import ComposeDeployer

        return ComposeDeployer
    if name == "k8s":
        from nomos_testing.deployers.k8s.deployer import K8sDeployer

        return K8sDeployer
    from nomos_testing.deployers.local.deployer import LocalDeployer

    return LocalDeployer
