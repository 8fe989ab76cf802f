"""Files as Bedrock writes them, files as nobody should, and the statistics against numpy's and pandas' own."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from math import isfinite

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.curves.csv_rows import MAX_LINE
from datadog_checks.bedrock_model_customization.curves.curve import TRAINING_LOSS, VALIDATION_LOSS, Curve, read_curve
from datadog_checks.bedrock_model_customization.curves.data_check import RecordCounts, read_manifest
from datadog_checks.bedrock_model_customization.curves.summary import (
    CurveSummary,
    summarise_training,
    summarise_validation,
)
from datadog_checks.bedrock_model_customization.jobs.job import Job
from datadog_checks.bedrock_model_customization.telemetry.losses import final_losses

ARN = 'arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-lite-v1:0:300k/miee4df3g2vt'
HEADER = b'step_number,epoch_number,training_loss\n'


def training(text: bytes, *, is_complete: bool = True) -> Curve:
    return read_curve([text], TRAINING_LOSS, is_complete=is_complete)


def in_chunks(text: bytes, size: int) -> Iterator[bytes]:
    return (text[start : start + size] for start in range(0, len(text), size))


def made_up(rows: int, seed: int = 0) -> pd.DataFrame:
    """A noisy loss that falls over `rows` steps, as a training file has it."""
    rng = np.random.default_rng(seed)
    steps = np.arange(1, rows + 1)
    loss = 0.6 + 1.8 * np.exp(-4 * steps / rows) + rng.normal(0, 0.05, rows)
    return pd.DataFrame({'step_number': steps, 'epoch_number': steps * 3 // (rows + 1), 'training_loss': loss})


def as_csv(table: pd.DataFrame) -> bytes:
    return str(table.to_csv(index=False)).encode()


# --- files as they are


@pytest.mark.parametrize('line_end', ['\n', '\r\n'])
def test_a_real_training_file(line_end: str) -> None:
    text = line_end.join(['step_number,epoch_number,training_loss', '1,0,2.5', '2,0,2.25', '3,1,2.0', ''])
    found = summarise_training(training(text.encode()))
    assert found is not None
    assert (found.step, found.epoch, found.loss) == (3, 1, 2.0)
    assert found.trend is not None
    assert found.trend.slope == pytest.approx(-25)
    assert found.others == {}


def test_columns_are_found_by_name_and_others_are_kept() -> None:
    text = (
        b'\xef\xbb\xbfperplexity, Critic/Rewards/Mean ,training_loss,x,step_number\n7.4,0.25,2.0,warm,10\n7.1,,,,11\n'
    )
    found = summarise_training(training(text))
    assert found is not None
    assert (found.step, found.loss, found.epoch, found.trend) == (11, 2.0, None, None)
    assert found.others == {'perplexity': 7.1, 'critic/rewards/mean': 0.25}
    assert (found.perplexity, found.rewards) == (7.1, {'critic/rewards/mean': 0.25})


def test_the_last_line_of_a_growing_file_waits_for_its_end() -> None:
    cut = HEADER + b'1,0,2.5\n2,0,2.2'
    assert training(cut, is_complete=False).step == 1
    assert training(cut, is_complete=True).step == 2
    assert training(cut + b'5\n', is_complete=False).loss.latest == (2, 2.25)


def test_a_diverged_run_is_counted_and_not_sent() -> None:
    found = summarise_training(training(HEADER + b'1,0,2.5\n2,0,nan\n3,0,inf\n4,0,\n'))
    assert found is not None
    assert (found.step, found.loss, found.not_finite) == (4, 2.5, 2)


def test_rows_out_of_order_are_left_out() -> None:
    curve = training(HEADER + b'1,0,3\n2,0,2\n2,0,9\n1,0,9\nx,0,9\n3,0,1\n')
    assert (curve.rows, curve.left_out) == (3, 3)
    assert curve.loss.points() == [(1, 3), (2, 9), (3, 1)]


def test_of_rows_that_repeat_a_step_the_last_one_counts() -> None:
    curve = training(HEADER + b'1,0,1.2\n1,0,1.6\n1,0,1.1\n2,0,0.9\n2,0,0.5\n')
    assert (curve.loss.points(), curve.left_out, curve.has_restarted) == ([(1, 1.1), (2, 0.5)], 3, False)


@pytest.mark.parametrize('first', [0, 1])
def test_a_counter_that_begins_anew_with_each_epoch_goes_on(first: int) -> None:
    rows = [(first + step, epoch, 2 - epoch * 0.5 - step * 0.1) for epoch in range(3) for step in range(5)]
    curve = training(HEADER + ''.join(f'{step},{epoch},{loss:.1f}\n' for step, epoch, loss in rows).encode())
    assert [point.step for point in curve.loss.points()] == [first + number for number in range(15)]
    assert curve.loss.latest == (first + 14, 0.6)
    assert (curve.epoch, curve.left_out, curve.has_restarted) == (2, 0, True)


def test_a_counter_that_begins_anew_without_epochs_goes_on() -> None:
    curve = read_curve([b'step,loss\n1,3\n2,2.5\n1,2\n2,1.5\n'], TRAINING_LOSS)
    assert curve.loss.points() == [(1, 3), (2, 2.5), (3, 2), (4, 1.5)]


def test_losses_of_counters_that_may_differ_are_not_compared() -> None:
    trained = read_curve([HEADER + b'1,0,3\n2,0,2\n1,1,1.5\n2,1,1\n'], TRAINING_LOSS, watched={2.0, 4.0})
    validated = read_curve([b'step,loss\n2,2.5\n4,1.5\n'], VALIDATION_LOSS)
    assert trained.at == {}
    found = summarise_validation(validated, trained)
    assert found is not None and found.gap is None


@pytest.mark.parametrize(
    'text',
    [
        b'',
        b'\n\n',
        b'\x00\xff\xfe\n\x00',
        b'step_number\n',
        b'training_loss\n1\n',
        b'<html><body>Access Denied</body></html>',
        b'a,' * 40_000,
        b'\xff\xfes\x00t\x00e\x00p\x00\n',
    ],
)
def test_what_is_no_curve_gives_none(text: bytes) -> None:
    assert summarise_training(training(text)) is None
    assert summarise_validation(read_curve([text], VALIDATION_LOSS), None) is None


def peak_of(chunks: Callable[[], Iterator[bytes]]) -> int:
    """Return the memory that reading takes at most: the least of three times, as other threads' memory counts too."""
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        read_curve(chunks(), TRAINING_LOSS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


def test_a_line_without_end_is_left_out_and_costs_no_memory() -> None:
    def chunks() -> Iterator[bytes]:
        yield HEADER + b'1,0,2.5\n'
        for _ in range(1000):
            yield b'9' * MAX_LINE
        yield b'\n2,0,2.0\n'

    assert read_curve(chunks(), TRAINING_LOSS).loss.points() == [(1, 2.5), (2, 2.0)]
    assert peak_of(chunks) < 2_000_000


# --- validation


def test_validation_best_gap_and_rise() -> None:
    validation = read_curve(
        [b'step_number,epoch_number,validation_loss\n10,0,1.5\n20,1,1.0\n30,2,1.25\n'], VALIDATION_LOSS
    )
    steps = {point.step for point in validation.loss.recent}
    rows = b''.join(b'%d,0,%f\n' % (step, 2 - step / 20) for step in range(1, 31))
    found = summarise_validation(validation, read_curve([HEADER + rows], TRAINING_LOSS, watched=steps))
    assert found is not None
    assert (found.step, found.loss, found.best_step, found.best_loss, found.has_risen) == (30, 1.25, 20, 1.0, True)
    assert found.gap == pytest.approx(0.75)


@pytest.mark.parametrize(
    ('losses', 'has_risen'),
    [([1.0], None), ([1.0, 0.9], False), ([1.0, 1.005], False), ([1.0, 1.02], True), ([1.0, 1.5, 0.9], False)],
)
def test_when_validation_loss_has_risen(losses: list[float], has_risen: bool | None) -> None:
    rows = ''.join(f'{step},{step},{loss}\n' for step, loss in enumerate(losses))
    found = summarise_validation(
        read_curve([f'step_number,epoch_number,validation_loss\n{rows}'.encode()], VALIDATION_LOSS), None
    )
    assert found is not None
    assert (found.has_risen, found.gap) == (has_risen, None)


# --- agreement with numpy and pandas


@pytest.mark.parametrize('rows', [3, 18, 59, 592, 1024, 1025, 5_000])
def test_statistics_agree_with_numpy_and_pandas(rows: int) -> None:
    table = made_up(rows, seed=rows)
    found = summarise_training(read_curve(in_chunks(as_csv(table), 1000), TRAINING_LOSS))
    again = pd.read_csv(io.BytesIO(as_csv(table)))
    assert found is not None
    assert found.trend is not None
    assert (found.step, found.epoch) == (again.step_number.iloc[-1], again.epoch_number.iloc[-1])
    assert found.loss == again.training_loss.iloc[-1]
    fifth = again.step_number.iloc[-1] - 0.2 * (again.step_number.iloc[-1] - again.step_number.iloc[0])
    start = found.trend.start
    # More than 1024 rows share cells, none of them wider than a 512th of the run.
    assert start == min(max(fifth, start), max(rows - 9, 1)) if rows > 1024 else True
    assert abs(start - min(np.ceil(fifth), max(rows - 9, 1))) <= (rows / 512 if rows > 1024 else 0)
    window = again[again.step_number >= start]
    slope = np.polyfit(window.step_number, window.training_loss, 1)[0] * 100
    assert found.trend.points == len(window)
    assert found.trend.slope == pytest.approx(slope, rel=1e-6, abs=1e-9)


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.floats(0.01, 20) | st.none()),
        min_size=1,
        max_size=60,
        unique_by=lambda r: r[0],
    ),
    st.integers(1, 64),
)
def test_any_order_and_any_gaps_agree_with_pandas(rows: list[tuple[int, float | None]], size: int) -> None:
    table = pd.DataFrame(rows, columns=['step_number', 'validation_loss'])
    found = summarise_validation(read_curve(in_chunks(as_csv(table), size), VALIDATION_LOSS), None)
    kept = table[table.step_number > table.step_number.cummax().shift(fill_value=-1)]
    kept = kept.astype({'validation_loss': float}).dropna()
    if kept.empty:
        assert found is None
        return
    assert found is not None
    best = kept.validation_loss.idxmin()
    assert (found.best_step, found.best_loss) == (kept.step_number[best], kept.validation_loss[best])
    assert (found.step, found.loss) == (kept.step_number.iloc[-1], kept.validation_loss.iloc[-1])


def test_a_hundred_thousand_rows_in_constant_memory() -> None:
    text = as_csv(made_up(100_000))
    few = peak_of(lambda: iter(in_chunks(text[: len(text) // 10], 65_536)))
    many = peak_of(lambda: iter(in_chunks(text, 65_536)))
    assert many < few * 1.5
    assert many < 2_000_000


# --- anything at all

NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(['', 'nan', 'NaN', '-inf', '1e308', '-1e308', '1e400', '1_000', '0x10', '"1"', '"', 'x', '\x00']),
)
COLUMNS = st.lists(
    st.sampled_from(
        [
            'step_number',
            'epoch_number',
            'training_loss',
            'validation_loss',
            'perplexity',
            'critic/rewards/mean',
            'x',
            '',
        ]
    ),
    max_size=8,
)


@given(COLUMNS, st.lists(st.lists(NUMBERS, max_size=8), max_size=40), st.sampled_from(['\n', '\r\n']), st.booleans())
def test_any_numeric_csv_gives_finite_numbers_or_none(
    columns: list[str], rows: list[list[str]], line_end: str, is_complete: bool
) -> None:
    text = line_end.join([','.join(columns), *(','.join(row) for row in rows)]).encode()
    check_finite(text, is_complete=is_complete)


@given(st.binary(max_size=2000), st.booleans())
def test_any_bytes_give_finite_numbers_or_none(text: bytes, is_complete: bool) -> None:
    check_finite(text, is_complete=is_complete)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_extreme_numbers_that_share_cells_stay_finite(losses: list[float]) -> None:
    many = (losses * 1100)[:1100]
    check_finite(HEADER + b''.join(b'%d,0,%s\n' % (at, repr(loss).encode()) for at, loss in enumerate(many)))


def check_finite(text: bytes, *, is_complete: bool = True) -> None:
    validation = read_curve([text], VALIDATION_LOSS, is_complete=is_complete)
    steps = {point.step for point in validation.loss.recent}
    curve = read_curve([text], TRAINING_LOSS, is_complete=is_complete, watched=steps)
    found, validated = summarise_training(curve), summarise_validation(validation, curve)
    numbers: list[float | None] = [*read_manifest([text], is_complete=is_complete)]
    if found:
        numbers += [found.step, found.epoch, found.loss, found.trend and found.trend.slope, *found.others.values()]
    if validated:
        numbers += [validated.loss, validated.best_loss, validated.best_step, validated.gap, *validated.others.values()]
    for series in (curve.loss, validation.loss, *curve.others.values()):
        numbers += [number for point in series.points() for number in point]
    assert all(number is None or isfinite(number) for number in numbers)


# --- records, and where a loss comes from


def test_records_of_the_data_check_are_summed() -> None:
    head = (
        b'fileName,totalProcessedRecordCount,acceptedRecordCount,partiallyAcceptedRecordCount,rejectedRecordCount\r\n'
    )
    report = read_manifest([head + b'"a,b.jsonl",10,7,1,2\r\nc.jsonl,5,5,0,0\r\n'])
    assert report == RecordCounts(15, 12, 1, 2)
    assert report.plus(RecordCounts(rejected=3)) == RecordCounts(15, 12, 1, 5)
    assert read_manifest([b'acceptedRecordCount\n-1\nnan\n']) == RecordCounts()


def test_where_a_final_loss_comes_from() -> None:
    found = summarise_training(training(HEADER + b'1,0,0.75\n'))
    bare = Job(job_arn=ARN, status='Completed')
    told = Job(job_arn=ARN, status='Completed', training_metrics={'trainingLoss': 0.5})
    everything = CurveSummary(training=found, model_training_loss=0.625)
    assert final_losses(told, everything)[:2] == (0.5, 'job')
    assert final_losses(bare, everything)[:2] == (0.625, 'custom_model')
    assert final_losses(bare, CurveSummary(training=found))[:2] == (0.75, 'artifact')
    assert final_losses(bare, None)[:2] == (None, None)
    assert final_losses(Job(job_arn=ARN, status='InProgress'), everything)[:2] == (None, None)
