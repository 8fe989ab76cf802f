"""Tags of many jobs: in bulk from the Resource Groups Tagging API, one by one from Bedrock where that does not do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from .bedrock import ARNS_PER_TAG_REQUEST, BedrockScope
from .errors import AwsError, Kind
from .fan_out import fan_out

Tags = dict[str, str]


@dataclass(slots=True)
class TagAnswers:
    """`tags` has the jobs that were answered for, None where they may not be read; the others are to be asked again."""

    tags: dict[str, Tags | None] = field(default_factory=dict)
    problems: list[AwsError] = field(default_factory=list)


class TagReader:
    """Reads tags of one scope's jobs. `max_single` bounds the jobs that one call of `read` asks for one by one."""

    def __init__(self, scope: BedrockScope, max_concurrency: int, max_single: int) -> None:
        self.scope, self.max_concurrency, self.max_single = scope, max_concurrency, max_single
        self._bulk_works = True

    def retry_bulk(self) -> None:
        """Try the tagging API again, after it was found denied or without these jobs."""
        self._bulk_works = True

    def read(self, job_arns: Sequence[str], young: Collection[str]) -> TagAnswers:
        """Ask for the jobs' tags. Those of `young` jobs may not have reached the tagging API yet."""
        answers = TagAnswers()
        one_by_one: list[str] = []
        for start in range(0, len(job_arns), ARNS_PER_TAG_REQUEST):
            batch = job_arns[start : start + ARNS_PER_TAG_REQUEST]
            if self._bulk_works:
                one_by_one += self._read_batch(batch, young, answers)
            else:
                one_by_one += batch
        self._read_one_by_one(one_by_one[: self.max_single], answers)
        return answers

    def _read_batch(self, batch: Sequence[str], young: Collection[str], answers: TagAnswers) -> Sequence[str]:
        """Ask the tagging API; return the jobs to ask for one by one."""
        try:
            found = self.scope.tags_of(batch)
        except AwsError as error:
            answers.problems.append(error)
            if error.kind is Kind.CREDENTIALS:
                raise
            if not error.is_refusal and error.kind is not Kind.MALFORMED:
                return ()
            self._bulk_works = False
            return batch
        if not found:
            # Bedrock tells whether that is the truth: nothing promises that the tagging API knows these jobs.
            self._read_one_by_one(batch[:1], answers)
            first = answers.tags.get(batch[0])
            if first:
                self._bulk_works = False
                return batch[1:]
            if first is None:
                # Nobody can tell now: it was not answered, and all are asked for again, or may not be read.
                if batch[0] in answers.tags:
                    answers.tags.update(dict.fromkeys(batch))
                return ()
        for arn in batch:
            if arn in found or arn not in young:
                answers.tags.setdefault(arn, found.get(arn, {}))
        return [arn for arn in batch if arn not in answers.tags]

    def _read_one_by_one(self, job_arns: Sequence[str], answers: TagAnswers) -> None:
        guard, region = self.scope.session.guard, self.scope.region
        for arn, answer in fan_out(guard, region, self.scope.job_tags, job_arns, self.max_concurrency):
            if not isinstance(answer, AwsError):
                answers.tags[arn] = answer
                continue
            answers.problems.append(answer)
            if answer.kind is Kind.CREDENTIALS:
                raise answer
            if answer.is_refusal:
                answers.tags[arn] = None
