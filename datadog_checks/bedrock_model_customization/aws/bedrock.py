"""One scope's view of AWS: lists and describes model customization jobs, and reads their tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botocore.client import BaseClient

from ..jobs.arn import parse_job_arn
from ..jobs.reading import job_arn_of
from .errors import AwsError, Kind, explain
from .raw import MalformedAnswerError, answer_of
from .session import AwsSession
from .usage import Footprint, Usage

PAGE_SIZE: Final = 1000
ARNS_PER_TAG_REQUEST: Final = 100
# AWS may filter a page down to nothing and go on; so many in a row lead nowhere.
MAX_EMPTY_PAGES: Final = 100


class BedrockScope:
    """Amazon Bedrock in one Region with one instance's credentials. Every method raises AwsError, and no other."""

    def __init__(self, session: AwsSession, region: str) -> None:
        self.session, self.region = session, region
        self._usage = Usage()
        self._clients: dict[str, BaseClient] = {}

    def list_jobs(
        self,
        *,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        status: str | None = None,
    ) -> Iterator[list[Any]]:
        """Yield the pages of ListModelCustomizationJobs, newest job first, each a list of what AWS sent.

        An entry is not promised to be an object, or to have any member.
        """
        operation = 'ListModelCustomizationJobs'
        arguments: dict[str, Any] = {'maxResults': PAGE_SIZE, 'sortBy': 'CreationTime', 'sortOrder': 'Descending'}
        if created_after:
            arguments['creationTimeAfter'] = created_after
        if created_before:
            arguments['creationTimeBefore'] = created_before
        if status:
            arguments['statusEquals'] = status
        tokens: set[str] = set()
        listed: set[str | None] = set()
        empty_pages = 0
        while True:
            answer = self._call('bedrock', operation, 'list_model_customization_jobs', **arguments)
            summaries = answer.get('modelCustomizationJobSummaries')
            # An answer without jobs says so with an empty list; to take anything else for one would lose jobs.
            if not isinstance(summaries, list):
                raise AwsError(Kind.MALFORMED, operation, 'MalformedAnswerError', 'no list of jobs in the answer')
            arns = {job_arn_of(summary) for summary in summaries}
            yield summaries
            token = answer.get('nextToken')
            if not token:
                return
            empty_pages = 0 if arns else empty_pages + 1
            leads_back = not isinstance(token, str) or token in tokens or (arns and arns <= listed)
            # An endless listing is none; some of its jobs would never be reached.
            if leads_back or empty_pages > MAX_EMPTY_PAGES:
                raise AwsError(
                    Kind.MALFORMED, operation, 'MalformedAnswerError', 'nextToken leads nowhere, or is no text'
                )
            tokens.add(token)
            listed |= arns
            arguments['nextToken'] = token

    def describe_job(self, job_arn: str) -> dict[str, Any]:
        """Return the answer of GetModelCustomizationJob."""
        return self._call('bedrock', 'GetModelCustomizationJob', 'get_model_customization_job', jobIdentifier=job_arn)

    def job_tags(self, job_arn: str) -> dict[str, str]:
        """Return one job's tags, from ListTagsForResource: the slow way."""
        answer = self._call('bedrock', 'ListTagsForResource', 'list_tags_for_resource', resourceARN=job_arn)
        return read_tags(answer.get('tags'), 'key', 'value')

    def tags_of(self, job_arns: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the tags of up to 100 jobs by ARN, from GetResources. A job that never had a tag is absent."""
        answer = self._call('resourcegroupstaggingapi', 'GetResources', 'get_resources', ResourceARNList=list(job_arns))
        tags = {}
        for resource in answer.get('ResourceTagMappingList') or ():
            arn = resource.get('ResourceARN') if isinstance(resource, Mapping) else None
            if isinstance(arn, str):
                tags[arn] = read_tags(resource.get('Tags'), 'Key', 'Value')
        return tags

    def custom_model(self, model_arn: str) -> dict[str, Any]:
        """Return the answer of GetCustomModel."""
        return self._call('bedrock', 'GetCustomModel', 'get_custom_model', modelIdentifier=model_arn)

    def account_id(self) -> str:
        """Return the account that is polled, from the role's ARN or from STS."""
        return self.session.account_id(self._usage)

    def caller_account_id(self) -> str:
        """Return the account of the credentials in use, by asking STS."""
        return self.session.caller_account_id(self._usage)

    def footprint(self) -> Footprint:
        """Return the requests made since the last call of this method."""
        return self._usage.take()

    def reset(self) -> None:
        """Forget clients and credentials, so that the next request finds those that are valid then."""
        self._clients.clear()
        self.session.reset()

    def prepare(self) -> None:
        """Make the clients now, before several threads ask for them."""
        for service in ('bedrock', 'resourcegroupstaggingapi'):
            self.client(service)

    def client(self, service: str) -> BaseClient:
        """Return this Region's client of a service, made on first use. Raises AwsError without credentials."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, self.region, self._usage)
        return self._clients[service]

    def _call(self, service: str, operation: str, method: str, **arguments: Any) -> dict[str, Any]:
        client = self.client(service)
        try:
            return answer_of(self.session.guard.run(lambda: getattr(client, method)(**arguments), self.region))
        except MalformedAnswerError as error:
            raise AwsError(Kind.MALFORMED, operation, 'MalformedAnswerError', str(error)) from error
        except Exception as error:
            raise explain(error, operation) from error


def read_tags(entries: object, key_member: str, value_member: str) -> dict[str, str]:
    """Read a list of tags; an entry without a key or with a value that is not text is left out."""
    tags = {}
    for entry in entries if isinstance(entries, list) else ():
        key = entry.get(key_member) if isinstance(entry, Mapping) else None
        value = entry.get(value_member, '') if isinstance(entry, Mapping) else None
        if isinstance(key, str) and key and isinstance(value, str):
            tags[key] = value
    return tags


def account_of(summaries: Sequence[Any]) -> str | None:
    """Return the account in the first job's ARN of a page, None for a page without one."""
    for summary in summaries:
        arn = job_arn_of(summary)
        parsed = parse_job_arn(arn) if arn else None
        if parsed:
            return parsed.account_id
    return None
