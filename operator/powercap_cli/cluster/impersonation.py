"""As whom a person's requests are made, where it is not who the credentials belong to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import quote


class ImpersonationError(Exception):
    """Nobody can act so; the message says what to write instead."""


_KNOWN: Final = frozenset(
    {
        "client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile", "as",
        "as-uid", "as-groups", "as-user-extra", "username", "password", "auth-provider", "exec", "extensions",
    }
)  # fmt: skip
"""Fields of a kubeconfig's user in client-go of Kubernetes 1.37."""


@dataclass(frozen=True, slots=True)
class Impersonation:
    """A user's or service account's name, its uid, groups and further attributes; empty: nobody else."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, user: Mapping[str, Any]) -> Self:
        """As whom a user of a kubeconfig acts.

        Raises:
            ImpersonationError: it has a field that is not known here, and that may narrow what may be done.
        """
        if unknown := sorted(map(str, user.keys() - _KNOWN)):
            raise ImpersonationError(
                f"the kubeconfig's user has {', '.join(unknown)}, which powercap does not know. It may narrow what you"
                " may do, so nothing is done: remove it, or use another context"
            )
        return cls(
            str(user.get("as") or ""),
            str(user.get("as-uid") or ""),
            tuple(map(str, user.get("as-groups") or ())),
            user.get("as-user-extra") or {},
        )

    def over(self, other: "Impersonation") -> "Impersonation":
        """What is given here, and the rest of the other."""
        return Impersonation(
            self.user or other.user,
            self.uid or other.uid,
            self.groups or other.groups,
            self.extra or other.extra,
        )

    def headers(self) -> Iterator[tuple[str, str]]:
        """The headers of each request; some stand several times.

        Raises:
            ImpersonationError: there is no user.
        """
        if not self.user:
            if self.uid or self.groups or self.extra:
                raise ImpersonationError(
                    "a uid, groups or attributes to act with need a user to act as: give --as too"
                )
            return
        yield "Impersonate-User", self.user
        if self.uid:
            yield "Impersonate-Uid", self.uid
        for group in self.groups:
            yield "Impersonate-Group", group
        for key, values in self.extra.items():
            for value in values:
                yield f"Impersonate-Extra-{quote(key, safe='')}", value


NOBODY_ELSE: Final = Impersonation()
