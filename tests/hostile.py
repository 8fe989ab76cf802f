"""Answers that AWS should never send, made from botocore's own model of what it does send.

Everything is drawn from one `random.Random`: a seeded one gives a repeatable flood, hypothesis's own its examples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from random import Random
from typing import Any, Final

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.session import Session

from bedrock_jobs.simulator.faults import Fault
from bedrock_jobs.simulator.wire import CBOR, Answer, Call, decode_cbor, encode_cbor

LIST, DESCRIBE, TAGS_OF_ONE, TAGS_OF_MANY = (
    'ListModelCustomizationJobs',
    'GetModelCustomizationJob',
    'ListTagsForResource',
    'GetResources',
)
ARN: Final = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/hostile{:05d}'
# Cannot be written by Python's json; takes the place of a text in what it wrote.
HUGE_INTEGER: Final = 'HUGE-INTEGER'

TEXTS: Final = (
    '',
    ' ',
    '\n',
    'NUL\0inside',
    '\x1b[31mred\x07',
    '\u202egnp.exe\u2066',
    '\ufeffbom',
    '\ud800',
    'a\udfffb',
    '%%%',
    '%%% \n# heading\n %%%',
    '# **bold** [link](http://example.com) ![image](http://example.com/a.png)',
    '<script>alert(1)</script>',
    '{{template}} {0} %s %(name)s ${HOME}',
    '@all @here @user@example.com',
    'a,b:c|d',
    'host:evil,env:prod',
    '\u2028line\u2029paragraph\x85next',
    '\N{PILE OF POO}' * 50,
    'e\u0301' * 300,
    'x' * 2048,
    '```\n' * 500,
    'https://example.com/?X-Amz-Signature=abc&X-Amz-Credential=AKIAEXAMPLE',
    'NaN',
    '2026-11-23T10:00:00Z',
    HUGE_INTEGER,
)
SCALARS: Final = (
    None,
    True,
    False,
    0,
    -1,
    10**18,
    10**400,
    1e308,
    float('nan'),
    float('inf'),
    float('-inf'),
    [],
    {},
    [None],
    [[[[[]]]]],
    {'': None},
    {'a': {'b': {'c': [1, {'d': None}]}}},
)
TIMES: Final = (
    0,
    -1,
    1763892000,
    1763892000000,
    1e300,
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999Z',
    '2026-11-23T10:00:00',
    '2026-11-23T10:00:00+23:59',
    '2026-13-45T99:99:99Z',
    '1763892000.5',
    'Mon, 23 Nov 2026 10:00:00 GMT',
    '2099-01-01T00:00:00Z',
)
TAG_KEYS: Final = (
    'host',
    'env',
    'service',
    'status',
    'Team',
    'a:b',
    'a,b',
    '',
    '1',
    'é' * 128,
    'x' * 300,
    'aws:x',
    '\0',
)
JOB_ARNS: Final = (
    'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/',
    'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/a b/c',
    'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/x/\ud800',
    'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/' + 'x' * 3000,
    'arn:aws:bedrock:::model-customization-job/x',
    'arn:aws:s3:::bucket',
)


def model(service: str, operation: str) -> OperationModel:
    return Session().get_service_model(service).operation_model(operation)


OUTPUTS: Final[dict[str, StructureShape]] = {
    LIST: model('bedrock', LIST).output_shape.members['modelCustomizationJobSummaries'].member,
    DESCRIBE: model('bedrock', DESCRIBE).output_shape,
    TAGS_OF_ONE: model('bedrock', TAGS_OF_ONE).output_shape,
    TAGS_OF_MANY: model('resourcegroupstaggingapi', TAGS_OF_MANY).output_shape,
}


class Hostile:
    """Draws values for shapes: right ones, odd ones of the right type, and those of another type."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def value(self, shape: Shape) -> Any:
        if self.rng.random() < 0.2:
            return self.rng.choice(SCALARS + TEXTS)
        makers: dict[str, Callable[[Any], Any]] = {
            'structure': self.structure,
            'list': self.list_of,
            'map': self.map_of,
            'timestamp': lambda _: self.rng.choice(TIMES),
            'string': self.text,
        }
        make = makers.get(shape.type_name)
        return make(shape) if make else self.rng.choice((0, 1, 0.5, -1e-9, 1e308, float('nan'), True, '0.25', '1e999'))

    def text(self, shape: Shape) -> str:
        allowed = getattr(shape, 'enum', None)
        if allowed and self.rng.random() < 0.8:
            return self.rng.choice((*allowed, 'Paused', 'completed'))
        return self.rng.choice(TEXTS)

    def structure(self, shape: StructureShape) -> dict[str, Any]:
        """Members absent as often as not, in any order, with some that the model does not know; unions of several."""
        names = [name for name in shape.members if self.rng.random() < 0.75]
        self.rng.shuffle(names)
        made = {name: self.value(shape.members[name]) for name in names}
        if self.rng.random() < 0.2:
            made[self.rng.choice(('newMember', 'SDK_UNKNOWN_MEMBER', '__type', ''))] = self.rng.choice(SCALARS)
        return made

    def list_of(self, shape: ListShape) -> list[Any]:
        return [self.value(shape.member) for _ in range(self.rng.choice((0, 1, 2, 5)))]

    def map_of(self, shape: MapShape) -> dict[str, Any]:
        keys = self.rng.sample(TEXTS, self.rng.choice((0, 1, 3)))
        return {key: self.value(shape.value) for key in keys}

    def job(self, operation: str, arn: str | None) -> dict[str, Any]:
        """Return a listed or described job; `arn` None is for one that does not tell which job it is."""
        job = self.structure(OUTPUTS[operation])
        job.pop('jobArn', None)
        if arn is not None:
            return {**job, 'jobArn': arn}
        odd = self.rng.choice((None, *SCALARS, *JOB_ARNS))
        return job if odd is None else {**job, 'jobArn': odd}

    def entry(self, arn: str | None) -> Any:
        """Return an entry of a listing: mostly an object."""
        return self.rng.choice(SCALARS + TEXTS) if arn is None and self.rng.random() < 0.3 else self.job(LIST, arn)

    def tags(self, key: str, value: str) -> Any:
        if self.rng.random() < 0.1:
            return self.rng.choice(SCALARS)
        entries: list[Any] = []
        for _ in range(self.rng.choice((0, 1, 3, 60))):
            pair = {key: self.rng.choice(TAG_KEYS), value: self.rng.choice((*TEXTS, 'v' * 256, None, 7))}
            entries.append(pair if self.rng.random() < 0.9 else self.rng.choice(SCALARS))
        return entries


def encode(document: Any) -> bytes:
    """Return a document as JSON, as far from strict JSON as Python's writer goes, and one step further."""
    return json.dumps(document).encode().replace(f'"{HUGE_INTEGER}"'.encode(), b'-' + b'9' * 5000)


@dataclass
class Script:
    """What AWS is going to answer: entries by ARN, those that name no job, descriptions and tags by ARN."""

    entries: dict[str, Any]
    nameless: list[Any]
    descriptions: dict[str, Any]
    tags: dict[str, Any]
    tag_mappings: dict[str, Any]


def write_script(hostile: Hostile, first: int, jobs: int) -> Script:
    """Return hostile answers about `jobs` jobs, numbered from `first`. (hypothesis draws in the test's thread only.)"""
    arns = [ARN.format(number) for number in range(first, first + jobs)]
    return Script(
        entries={arn: _with_own_name(hostile.entry(arn)) for arn in arns},
        nameless=[hostile.entry(None) for _ in range(jobs // 4)],
        descriptions={arn: _with_own_name(hostile.job(DESCRIBE, arn)) for arn in arns},
        tags={arn: hostile.tags('key', 'value') for arn in arns},
        tag_mappings={arn: hostile.tags('Key', 'Value') for arn in arns},
    )


def _with_own_name(job: dict[str, Any]) -> dict[str, Any]:
    """Prepend the job's id to its name: AWS takes no second job of a name, whose gauges would be those of the first."""
    name = job.get('jobName')
    return job | {'jobName': f'{str(job["jobArn"])[-5:]} {name}'} if isinstance(name, str) and name.strip() else job


@dataclass(kw_only=True)
class HostileAws(Fault):
    """Mixes the script's jobs into every listing and answers for them; `answers` counts those with anything hostile."""

    script: Script
    answers: int = 0
    rng: Random = field(default_factory=lambda: Random(0))

    def before(self, call: Call) -> Answer | None:
        arn = call.identifier or ''
        if call.operation == TAGS_OF_ONE:
            arn = json.loads(call.body).get('resourceARN', '')
        if arn not in self.script.descriptions or call.operation not in (DESCRIBE, TAGS_OF_ONE):
            return None
        self.answers += 1
        tags = {'tags': self.script.tags[arn]}
        return Answer(200, encode(tags if call.operation == TAGS_OF_ONE else self.script.descriptions[arn]))

    def after(self, call: Call, answer: Answer) -> Answer:
        if answer.status >= 400 or call.operation not in (LIST, TAGS_OF_MANY):
            return answer
        self.answers += 1
        if call.operation == LIST:
            document = json.loads(answer.body)
            self._mix(document['modelCustomizationJobSummaries'], self.script.entries.values(), self.script.nameless)
            return replace(answer, body=encode(document))
        is_cbor = answer.headers.get('smithy-protocol') == CBOR
        document = decode_cbor(answer.body) if is_cbor else json.loads(answer.body)
        # CBOR has no lone surrogates, so its tags stay empty.
        tags = [{'ResourceARN': arn, 'Tags': [] if is_cbor else tags} for arn, tags in self.script.tag_mappings.items()]
        self._mix(document['ResourceTagMappingList'], tags)
        return replace(answer, body=encode_cbor(document) if is_cbor else encode(document))

    def _mix(self, entries: list[Any], *others: Iterable[Any]) -> None:
        for entry in chain(*others):
            entries.insert(self.rng.randint(0, len(entries)), entry)
