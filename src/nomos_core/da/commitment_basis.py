"""Commitments to rows and the proofs of all columns, for one number of columns.

A row is given by its values ``f_i`` at the ``n`` roots of unity, so commitments are taken in the Lagrange basis: the
points ``L_i = (1/n) sum_j w^(-ij) tau^j``. The upper half of a row is zero, so this needs half the work of a commitment
to coefficients.

The proof of a column is the commitment to ``(f(x) - f_i) / (x - w^i)``. In the Lagrange basis, with ``1/(w^d - 1)`` as
the kernel of a convolution whose transform is ``j - (n-1)/2``, all proofs together are

    proof_i = w^(-i) (U_i - f_i V_i + d_i L_i)

where ``V`` is the inverse transform of the points ``j tau^j`` (so ``V_i`` is ``x L_i'(x)`` at ``tau``), ``U`` is that
of ``j A_j`` with ``A`` the transform of the points ``f_i L_i``, and ``d_i`` is ``x f'(x)`` at ``w^i``. This takes two
transforms of ``n`` points, where FK20 takes one of ``n`` and one of ``2n``. The proofs are the same points.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from threading import Lock

from py_arkworks_bls12381 import G1Point, Scalar

from nomos_core.da.domain import inverse_transform, roots_of_unity, transform

_ZERO = Scalar(0)


class CommitmentBasis:
    """Points that depend only on the parameters, times ``n``. It is safe to share between threads."""

    def __init__(self, powers: Sequence[G1Point]) -> None:
        """Compute the basis from the points ``tau^0 ... tau^(n-1)``, with ``n`` a power of two and at least 2."""
        self.columns = len(powers)
        self._powers = powers
        self._roots = roots_of_unity(self.columns)
        self._scale = Scalar(self.columns).inverse()
        self._lagrange = _normalized(inverse_transform(powers, self._roots))
        self._slopes: list[G1Point] = []
        self._lock = Lock()

    def commit(self, values: Sequence[Scalar]) -> G1Point:
        """Return the commitment to the polynomial with these values at ``w^0, w^1, ...`` and zero elsewhere."""
        scaled = [value * self._scale for value in values]
        return G1Point.multiexp_unchecked(self._lagrange[: len(values)], scaled)

    def prove(self, values: Sequence[Scalar]) -> list[G1Point]:
        """Return one proof for each column of the polynomial with these values at ``w^0, w^1, ...`` and zero
        elsewhere.
        """
        values = [*values, *[_ZERO] * (self.columns - len(values))]
        factor = self._scale * self._scale
        weights = [root * factor for root in (self._roots[0], *reversed(self._roots[1:]))]
        return [
            G1Point.multiexp_unchecked(
                [quotient, slope, lagrange], [weight, -weight * value * Scalar(self.columns), weight * derivative]
            )
            for quotient, slope, lagrange, weight, value, derivative in zip(
                self._quotients(values),
                self._slope_points(),
                self._lagrange,
                weights,
                values,
                self._derivatives(values),
                strict=True,
            )
        ]

    def _quotients(self, values: Sequence[Scalar]) -> list[G1Point]:
        """Compute ``U``, times ``n^2``."""
        weighted = [
            G1Point.identity() if value.is_zero() else point * value
            for point, value in zip(self._lagrange, values, strict=True)
        ]
        return inverse_transform(_times_index(transform(weighted, self._roots)), self._roots)

    def _derivatives(self, values: Sequence[Scalar]) -> list[Scalar]:
        """Compute ``d``, times ``n``."""
        coefficients = inverse_transform(values, self._roots)
        return transform([Scalar(j) * value for j, value in enumerate(coefficients)], self._roots)

    def _slope_points(self) -> list[G1Point]:
        """Return ``V``, times ``n``. It is computed when the first proof is made."""
        with self._lock:
            if not self._slopes:
                self._slopes = _normalized(inverse_transform(_times_index(self._powers), self._roots))
            return self._slopes


def combined(rows: Sequence[Sequence[Scalar]], challenge: Scalar) -> list[Scalar]:
    """Return ``sum_i challenge^i * rows[i]``, column by column. All rows have the same length."""
    return reduce(
        lambda total, row: [above * challenge + value for above, value in zip(total, row, strict=True)],
        reversed(rows),
        [_ZERO] * len(rows[0]),
    )


def _times_index(points: Sequence[G1Point]) -> list[G1Point]:
    return [point * Scalar(j) for j, point in enumerate(points)]


def _normalized(points: Sequence[G1Point]) -> list[G1Point]:
    """Return the same points with 1 as their third coordinate. The library multiplies them faster."""
    return [G1Point.from_xy_bytes_unchecked_be(point.to_xy_bytes_be()) for point in points]
