"""One hub over HTTP: options, retries with backoff, and what its status codes mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from llm.hubs.files import stop_if
from llm.hubs.messages import refused, unreachable, wrong_content

if TYPE_CHECKING:
    import httpx

_LONGEST_WAIT_S = 30.0
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
T = TypeVar("T")


@dataclass(frozen=True)
class HubOptions:
    """How to download.

    Attributes:
        trust_remote_code: the user allows running Python code that comes with a checkpoint.
        endpoints: address per source, over the environment's (HF_ENDPOINT, MODELSCOPE_ENDPOINT or MODELSCOPE_DOMAIN,
            OPENXLAB_ENDPOINT) and the hub's own.
        revision: branch, tag or commit; None takes the hub's default branch.
        retries: further tries after a failure that brought nothing new.
        backoff_s: seconds before the first of them; doubles each time.
        timeout_s: seconds without a byte after which a connection counts as broken.
    """

    trust_remote_code: bool = False
    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    revision: str | None = None
    retries: int = 5
    backoff_s: float = 1.0
    timeout_s: float = 30.0


class Again(Exception):
    """A try failed in a way that another try may mend; `after_s` is what the server asked to wait."""

    def __init__(self, reason: str, *, after_s: float = 0.0, offline: bool = False) -> None:
        super().__init__(reason)
        self.after_s, self.offline = after_s, offline


@dataclass(frozen=True)
class Connection:
    """One hub for one download: client, options, and how to be stopped."""

    source: str
    repository: str
    client: httpx.Client
    options: HubOptions
    cancel: Event | None = None

    def persist(self, attempt: Callable[[], T], advanced: Callable[[], bool] = lambda: False) -> T:
        """Call `attempt` until it does not raise Again, `retries` times in a row without `advanced`.

        Raises:
            DownloadError: it never worked.
            DownloadCancelledError: cancelled while waiting.
        """
        failures = 0
        while True:
            stop_if(self.cancel)
            try:
                return attempt()
            except Again as problem:
                failures = 1 if advanced() else failures + 1
                if failures > self.options.retries:
                    raise unreachable(self.source, self.repository, str(problem), problem.offline) from problem
                delay = max(problem.after_s, self.options.backoff_s * 2 ** (failures - 1))
                (self.cancel or Event()).wait(min(delay, _LONGEST_WAIT_S))

    def json(self, method: str, url: str, **arguments: Any) -> Any:
        """The JSON answer of one API call, retried like a download.

        Raises:
            DownloadError, ModelNotFoundError: the hub refused, could not be reached, or answered something else.
        """
        import httpx

        def attempt() -> Any:
            try:
                response = self.client.request(method, url, **arguments)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise self.failure(error, url) from error
            self.check_status(response, "the file list")
            try:
                return response.json()
            except ValueError as error:
                raise wrong_content(self.source, url) from error

        return self.persist(attempt)

    def check_status(self, response: httpx.Response, what: str) -> None:
        """Raise Again for a passing fault, or the error that tells the user what the refusal means."""
        if response.status_code in RETRIED_STATUSES:
            after = response.headers.get("Retry-After", "")
            raise Again(f"HTTP {response.status_code}", after_s=float(after) if after.isdigit() else 0.0)
        if response.status_code >= 400:
            raise refused(self.source, self.repository, response.status_code, what)

    def failure(self, error: Exception, url: str) -> Exception:
        """A failed request as something to try again, or as an error where trying again cannot help."""
        import httpx

        if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects)):
            return wrong_content(self.source, url)
        offline = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError))
        return Again(f"{type(error).__name__}: {error}", offline=offline)
