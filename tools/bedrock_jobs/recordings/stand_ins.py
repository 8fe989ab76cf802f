"""Replaces everything that identifies a customer with random stand-ins. Whatever is not known to be AWS's is replaced.

Shapes, member names, numbers, times, enums, foundation models and Regions are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html import unescape
from random import SystemRandom
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any, Final
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

# Each run of letters and digits is replaced as a whole, so that an id or name has one stand-in in ARNs, paths and text.
# All that is not ASCII counts as a letter.
WORD: Final = re.compile('[A-Za-z0-9\u0080-\U0010ffff]+')
# What may follow a word of a sentence.
END: Final = ('', ' ', ',', ':', ';')
FOREIGN: Final = 'àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ'
ATTEMPTS: Final = 50

ARN: Final = re.compile(r'arn:(aws[a-z-]*):([a-z0-9-]*):([a-z0-9-]*):(\d*):([a-z-]+)/([^\s"\',()\[\]{}]*)')
REGION: Final = re.compile(
    r'(af|ap|ca|cn|eu|eusc-de|il|me|mx|sa|us|us-gov|us-iso|us-isob|us-isof)'
    r'-(central|north|south|east|west|northeast|northwest|southeast|southwest)-\d'
)
PARTITIONS: Final = frozenset({'aws', 'aws-cn', 'aws-us-gov', 'aws-eusc', 'aws-iso', 'aws-iso-b', 'aws-iso-f'})
SERVICES: Final = frozenset({'bedrock', 'iam', 'kms', 'sts'})
MODELS: Final = frozenset({'foundation-model', 'custom-model', 'model-customization-job'})
RESOURCES: Final = MODELS | {'role', 'user', 'assumed-role', 'key', 'provisioned-model'}
MODEL_WORDS: Final = frozenset(
    (
        'amazon anthropic cohere meta mistral qwen openai deepseek nova titan claude command llama lite micro pro '
        'premier canvas reel sonic text image generator express embed haiku sonnet light instruct gpt oss'
    ).split()
)
VERSION: Final = re.compile(r'v?\d{1,3}[kb]?')

PATHS: Final = frozenset(
    {
        's3:',
        'training_artifacts',
        'validation_artifacts',
        'post_fine_tuning_validation',
        'step_wise_training_metrics.csv',
        'validation_metrics.csv',
        'input_status',
        'manifest.report.csv',
    }
)
JOB_FOLDER: Final = 'model-customization-job-'
TIME: Final = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)')
NUMBER: Final = re.compile(r'[+-]?\d{0,7}(\.\d{0,9})?([eE][+-]?\d{1,3})?')
NAME: Final = re.compile(r'[A-Za-z_][A-Za-z0-9_]{0,63}')
ENUMS: Final = {
    'status': frozenset({'InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped', 'NotStarted'}),
    'modelStatus': frozenset({'Active', 'Creating', 'Failed'}),
    'customizationType': frozenset(
        {'FINE_TUNING', 'CONTINUED_PRE_TRAINING', 'DISTILLATION', 'REINFORCEMENT_FINE_TUNING', 'IMPORTED'}
    ),
    'EncodingType': frozenset({'url'}),
    'IsTruncated': frozenset({'true', 'false'}),
    'StorageClass': frozenset({'STANDARD', 'STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER'}),
}
HYPER_PARAMETERS: Final = frozenset(
    {'epochCount', 'batchSize', 'learningRate', 'learningRateWarmupSteps', 'learningRateMultiplier'}
)
# Objects whose member names customers choose.
MAPS: Final = frozenset({'equals', 'notEquals', 'hyperParameters', 'tags', 'Tags', 'requestMetadata'})
NUMBERS: Final = frozenset({'hyperParameters', 'Size', 'KeyCount', 'MaxKeys'})
CODES: Final = frozenset(
    (
        'AccessDenied AccessDeniedException UnrecognizedClientException InvalidSignatureException ExpiredToken '
        'ExpiredTokenException InvalidClientTokenId MissingAuthenticationTokenException MissingAuthenticationToken '
        'ThrottlingException ThrottledException Throttling TooManyRequestsException SlowDown LimitExceededException '
        'ResourceNotFoundException NoSuchBucket NoSuchKey ValidationException InvalidParameterException '
        'ConflictException '
        'PaginationTokenExpiredException InternalServerException InternalServiceException InternalFailure '
        'InternalError '
        'ServiceUnavailable ServiceUnavailableException UnknownOperationException PermanentRedirect Sender Receiver '
        'SerializationException com amazonaws amazon coral service resourcegroupstaggingapi'
    ).split()
)
CODE_MEMBERS: Final = frozenset({'__type', 'code', 'Code', 'Type', 'x-amzn-errortype'})
MESSAGE_MEMBERS: Final = frozenset({'message', 'Message', 'failureMessage'})
MESSAGE_WORDS: Final = frozenset(
    (
        'a an and are at be because by could did does for from has have in is it must no not of on or that the then to '
        'try was were with your you again check allow allows allowed authorized perform permission permissions policy '
        'identity based role user bucket key file files line member record records format invalid missing required '
        'validate validation found exist exists failed failure error errors access denied request requests token '
        'security included expired too many please wait before trying internal server encountered provided model '
        'identifier could Could User The Too Check Amazon S3 Access Rate exceeded limit'
    ).split()
)
COLUMNS: Final = frozenset(
    (
        'step_number epoch_number training_loss perplexity validation_loss fileName totalProcessedRecordCount '
        'acceptedRecordCount partiallyAcceptedRecordCount rejectedRecordCount'
    ).split()
)
# What S3 encodes like a URL if it is asked to, as botocore does.
QUOTED: Final = frozenset({'Key', 'Prefix', 'Delimiter', 'StartAfter'})
HEADERS: Final = frozenset({'date', 'content-type', 'retry-after', 'x-amzn-errortype', 'smithy-protocol'})
CONTENT_TYPES: Final = frozenset(
    'application/json application/xml text/xml text/html text/csv application/cbor application/x-amz-json-1.1'.split()
)
DATE: Final = re.compile(r'[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT')


class StandIns:
    """Random stand-ins for words: one for each word, never the same for two, and not to be computed back."""

    def __init__(self) -> None:
        self._random = SystemRandom()
        self._by_word: dict[str, str] = {}
        self._taken: set[str] = set()

    def settle(self) -> None:
        """Draw again where a stand-in equals a word of the input, once every word has been seen."""
        for word, stand_in in list(self._by_word.items()):
            if stand_in in self._by_word:
                del self._by_word[word]
                self._by_word[word] = self._draw(word, self._by_word.keys() | {word})

    def document(self, value: Any, member: str = '', *, is_item: bool = False) -> Any:
        """Return JSON with the same shape."""
        if isinstance(value, Mapping):
            is_map = member in MAPS and not is_item
            return {
                self._key(key, member, is_map=is_map): self.document(inner, member if is_map else key)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.document(inner, member, is_item=True) for inner in value]
        if isinstance(value, str):
            return self.string(value, member)
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self._by_word:
            return int(self._by_word[str(value)])
        return value if value is None or isinstance(value, (int, float)) else f'{type(value).__name__}'

    def string(self, text: str, member: str = '') -> str:
        """Return a text of the same form; `member` is the name of the member that has it."""
        is_time = member.endswith(('Time', 'LastModified')) and TIME.fullmatch(text)
        if text in ENUMS.get(member, ()) or is_time or (member in NUMBERS and NUMBER.fullmatch(text)):
            return text
        if member in CODE_MEMBERS:
            return self._words(text, CODES.__contains__)
        keep = MESSAGE_WORDS if member in MESSAGE_MEMBERS else frozenset()
        pieces, at = [], 0
        for match in ARN.finditer(text):
            pieces += [self._path(text[at : match.start()], keep), self._arn(match)]
            at = match.end()
        return ''.join([*pieces, self._path(text[at:], keep)])

    def region(self, text: str) -> str:
        """Return a Region's name, which is kept if it looks like one of AWS's."""
        return text if not text or REGION.fullmatch(text) else self._words(text)

    def xml(self, text: str) -> str:
        """Return XML with the same elements, without attributes and comments."""
        pieces, member = [], ''
        is_quoted = '<EncodingType>url<' in text
        for piece in re.findall(r'<[^>]*>|[^<]+', text):
            if not piece.startswith('<'):
                value = unescape(piece)
                if is_quoted and member in QUOTED:
                    value = quote(self.string(unquote(value), member), safe='/')
                else:
                    value = self.string(value, member)
                pieces.append(escape(value))
            elif match := re.match(r'<(/?)([A-Za-z]\w*)[^>]*?(/?)>', piece):
                member = match[2]
                pieces.append(f'<{match[1]}{member}{match[3]}>')
        return ''.join(pieces)

    def csv(self, text: str) -> str:
        """Return lines of the same cells: numbers and AWS's column names are kept."""

        def cell(match: re.Match[str]) -> str:
            value = match[0].strip()
            return match[0] if NUMBER.fullmatch(value) or value in COLUMNS else self.string(match[0])

        return re.sub(r'[^,\r\n]+', cell, text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that matter, by their names in lower case."""
        kept = {}
        for name, value in ((str(name).lower(), str(value)) for name, value in headers.items()):
            if name not in HEADERS:
                continue
            if name == 'x-amzn-errortype':
                kept[name] = self.string(value.partition(':')[0], name)
            elif (
                value.partition(';')[0] in CONTENT_TYPES
                or DATE.fullmatch(value)
                or (name == 'retry-after' and NUMBER.fullmatch(value))
            ):
                kept[name] = value.partition(';')[0]
            elif name == 'smithy-protocol' and value == 'rpc-v2-cbor':
                kept[name] = value
        return kept

    def _key(self, key: object, member: str, *, is_map: bool) -> str:
        text = str(key)
        is_known = text in HYPER_PARAMETERS if is_map and member == 'hyperParameters' else not is_map
        return text if is_known and NAME.fullmatch(text) else self._words(text)

    def _arn(self, match: re.Match[str]) -> str:
        partition, service, region, account, kind, rest = match.groups()

        def kept(text: str, known: frozenset[str]) -> str:
            return text if text in known else self._words(text)

        head = [kept(partition, PARTITIONS), kept(service, SERVICES), self.region(region), self._words(account)]
        if kind in MODELS:
            model, slash, resource = rest.partition('/')
            model = self._words(model, lambda word: word in MODEL_WORDS or bool(VERSION.fullmatch(word)))
            rest = f'{model}{slash}{self._words(resource)}'
        else:
            rest = self._words(rest)
        return ':'.join(['arn', *head, f'{kept(kind, RESOURCES)}/{rest}'])

    def _path(self, text: str, keep: frozenset[str]) -> str:
        return '/'.join(self._segment(segment, keep) for segment in text.split('/'))

    def _segment(self, segment: str, keep: frozenset[str]) -> str:
        if segment in PATHS:
            return segment
        head, folder, tail = segment.partition(JOB_FOLDER)
        return f'{self._sentence(head, keep)}{folder}{self._sentence(tail, keep)}'

    def _sentence(self, text: str, keep: frozenset[str]) -> str:
        """Replace words, but for those of messages that stand alone: in `prod-user-data`, `user` may be a name."""

        def replaced(match: re.Match[str]) -> str:
            stands_alone = text[match.start() - 1 : match.start()] in ('', ' ') and text[match.end() :][:1] in END
            return match[0] if stands_alone and match[0] in keep else self._of(match[0])

        return WORD.sub(replaced, text)

    def _words(self, text: str, is_kept: Callable[[str], bool] = lambda word: False) -> str:
        return WORD.sub(lambda match: match[0] if is_kept(match[0]) else self._of(match[0]), text)

    def _of(self, word: str) -> str:
        if word not in self._by_word:
            self._by_word[word] = self._draw(word, self._by_word.keys() | {word})
        return self._by_word[word]

    def _draw(self, word: str, others: set[str]) -> str:
        """Return a new word of the same length and kinds of characters; a longer one if all of those are taken."""
        for attempt in range(10 * ATTEMPTS):
            pattern = word + 'x' * (attempt // ATTEMPTS)
            drawn = ''.join(map(self._character, pattern))
            if drawn not in self._taken and drawn not in others:
                break
        self._taken.add(drawn)
        return drawn

    def _character(self, character: str) -> str:
        for kind in (digits, ascii_lowercase, ascii_uppercase):
            if character in kind:
                # A leading zero would make a number of an account shorter.
                return self._random.choice(kind[1:] if kind is digits else kind)
        return self._random.choice(FOREIGN)


def shown(document: Any) -> str:
    """Return one line of JSON, as it is written to a file."""
    return json.dumps(document, ensure_ascii=True)
