"""Lists and describes one scope's model customization jobs, and reads their tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.client import BaseClient

from ..jobs.reading import job_arn_of
from ..jobs.times import parse_time
from .bodies import MalformedAnswerError
from .errors import AwsError, Kind, explain
from .raw import answer_of
from .session import TAGGING, AwsSession
from .usage import Footprint, Usage

PAGE_SIZE: Final = 1000
ARNS_PER_TAG_REQUEST: Final = 100
# AWS may filter a page down to nothing and still continue; more empty pages than this in a row count as endless.
MAX_EMPTY_PAGES: Final = 100


class BedrockScope:
    """Amazon Bedrock in one Region with one instance's credentials. Methods raise AwsError and nothing else.

    `answered_at` is AWS's time (whole seconds) of the last page listed, or None if AWS sent none.
    """

    def __init__(self, session: AwsSession, region: str) -> None:
        self.session, self.region = session, region
        self.answered_at: datetime | None = None
        self._usage = Usage()
        self._clients: dict[str, BaseClient] = {}

    def list_jobs(
        self,
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        status: str | None = None,
    ) -> Iterator[list[Any]]:
        """Yield the pages of ListModelCustomizationJobs, newest job first, each a list of raw entries.

        Entries are not validated: one may not be an object, or may lack any member.
        """
        operation = 'ListModelCustomizationJobs'
        arguments: dict[str, Any] = {'maxResults': PAGE_SIZE, 'sortBy': 'CreationTime', 'sortOrder': 'Descending'}
        if created_after:
            arguments['creationTimeAfter'] = created_after
        if created_before:
            arguments['creationTimeBefore'] = created_before
        if status:
            arguments['statusEquals'] = status
        circle = _Circle()
        while True:
            response = self._request('bedrock', operation, 'list_model_customization_jobs', **arguments)
            self.answered_at, answer = date_of(response), answer_of(response)
            summaries = _list_in(answer, 'modelCustomizationJobSummaries', operation)
            yield summaries
            token = answer.get('nextToken')
            if not token:
                return
            if circle.leads_nowhere(token, {job_arn_of(summary) for summary in summaries}):
                # Fail instead of stopping early: stopping would silently lose the remaining jobs.
                raise AwsError(
                    Kind.MALFORMED, operation, 'MalformedAnswerError', 'nextToken leads nowhere, or is no text'
                )
            arguments['nextToken'] = token

    def describe_job(self, job_arn: str) -> dict[str, Any]:
        """Return the answer of GetModelCustomizationJob."""
        return self._call('bedrock', 'GetModelCustomizationJob', 'get_model_customization_job', jobIdentifier=job_arn)

    @property
    def has_bulk_tags(self) -> bool:
        """Whether the tagging API can be asked. With FIPS it cannot: botocore makes up a host that exists nowhere."""
        host = urlsplit(self.client(TAGGING).meta.endpoint_url).hostname or ''
        return not host.startswith('tagging-fips.')

    def job_tags(self, job_arn: str) -> dict[str, str]:
        """Return one job's tags from ListTagsForResource. Slow: `tags_of` reads up to 100 jobs per request."""
        operation = 'ListTagsForResource'
        answer = self._call('bedrock', operation, 'list_tags_for_resource', resourceARN=job_arn)
        return read_tags(_list_in(answer, 'tags', operation), 'key', 'value')

    def tags_of(self, job_arns: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the tags of up to 100 jobs by ARN, from GetResources. Jobs that never had a tag are absent."""
        operation = 'GetResources'
        answer = self._call(TAGGING, operation, 'get_resources', ResourceARNList=list(job_arns))
        tags = {}
        for resource in _list_in(answer, 'ResourceTagMappingList', operation):
            arn = resource.get('ResourceARN') if isinstance(resource, Mapping) else None
            if isinstance(arn, str):
                tags[arn] = read_tags(resource.get('Tags'), 'Key', 'Value')
        return tags

    def custom_model(self, model_arn: str) -> dict[str, Any]:
        """Return the answer of GetCustomModel."""
        return self._call('bedrock', 'GetCustomModel', 'get_custom_model', modelIdentifier=model_arn)

    def account_id(self) -> str:
        """Return the account of the credentials in use: the assumed role's, else the one that STS reports."""
        return self.session.account_id(self.region, self._usage)

    def caller_account_id(self) -> str:
        """Return the account of the credentials in use, by asking STS."""
        return self.session.caller_account_id(self._usage)

    def footprint(self) -> Footprint:
        """Return the requests made since the last call of this method."""
        return self._usage.take()

    def reset(self) -> None:
        """Discard clients and credentials, so that the next request looks up credentials again."""
        self._clients.clear()
        self.session.reset()

    def prepare(self) -> None:
        """Create the clients now, before several threads need them."""
        for service in ('bedrock', TAGGING):
            self.client(service)

    def client(self, service: str) -> BaseClient:
        """Return this Region's client for a service, created on first use. Raises AwsError without credentials."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, self.region, self._usage)
        return self._clients[service]

    def _call(self, service: str, operation: str, method: str, **arguments: Any) -> dict[str, Any]:
        return answer_of(self._request(service, operation, method, **arguments))

    def _request(self, service: str, operation: str, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a client's method and return its response, which is guaranteed to be valid for `answer_of`."""
        client = self.client(service)
        try:
            response: dict[str, Any] = self.session.guard.run(lambda: getattr(client, method)(**arguments), self.region)
            answer_of(response)
            return response
        except MalformedAnswerError as error:
            raise AwsError(Kind.MALFORMED, operation, 'MalformedAnswerError', str(error)) from error
        except Exception as error:
            raise explain(error, operation) from error


class _Circle:
    """Detects an endless listing: a repeated token, repeated jobs, or too many empty pages in a row."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._listed: set[str | None] = set()
        self._empty_pages = 0

    def leads_nowhere(self, token: object, arns: set[str | None]) -> bool:
        """Record a page's token and job ARNs; return whether the listing should be given up as endless."""
        self._empty_pages = 0 if arns else self._empty_pages + 1
        if not isinstance(token, str) or token in self._tokens or self._empty_pages > MAX_EMPTY_PAGES:
            return True
        leads_back = bool(arns) and arns <= self._listed
        self._tokens.add(token)
        self._listed |= arns
        return leads_back


def date_of(response: Mapping[str, Any]) -> datetime | None:
    """Return the time in the response's `Date` header, or None if there is no readable one."""
    headers = response.get('ResponseMetadata', {}).get('HTTPHeaders', {})
    try:
        return parse_time(parsedate_to_datetime(str(headers.get('date'))))
    except ValueError:
        return None


def _list_in(answer: Mapping[str, Any], member: str, operation: str) -> list[Any]:
    """Return a list member of an answer. Raises AwsError if it is missing: AWS sends an empty list for "none"."""
    entries = answer.get(member)
    if not isinstance(entries, list):
        raise AwsError(Kind.MALFORMED, operation, 'MalformedAnswerError', f'no list {member} in the answer')
    return entries


def read_tags(entries: object, key_member: str, value_member: str) -> dict[str, str]:
    """Read a list of tags, skipping entries that have no key or whose value is not text."""
    tags = {}
    for entry in entries if isinstance(entries, list) else ():
        key = entry.get(key_member) if isinstance(entry, Mapping) else None
        value = entry.get(value_member, '') if isinstance(entry, Mapping) else None
        if isinstance(key, str) and key and isinstance(value, str):
            tags[key] = value
    return tags
