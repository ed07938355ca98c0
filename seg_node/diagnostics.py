"""Findings and latencies as diagnostic messages."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from seg_node.health import Finding, Observation
from seg_node.latency import FrameLatency, Percentiles, STAGES
from seg_node.worker import FrameCounts
from std_msgs.msg import Header

_LEVELS = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


def diagnostic_array(
    header: Header, name: str, model: str, findings: list[Finding], seen: Observation
) -> DiagnosticArray:
    """
    Make the message for /diagnostics: one status, the worst finding first.

    :param header: stamp of now.
    :param name: of the node; also the status' name.
    :param model: description of the model that runs.
    """
    status = DiagnosticStatus(
        level=_LEVELS[max(finding.level for finding in findings)],
        name=name,
        message='; '.join(finding.text for finding in findings),
        hardware_id=model,
    )
    values = {
        'causes': ','.join(finding.cause for finding in findings),
        'state': seen.state,
        'topic': seen.topic,
        'publishers': seen.publishers,
        'arrived': seen.arrived,
        **_counts(seen.counts),
        'ignored': seen.ignored,
        'lost_in_transport': seen.lost_in_transport,
        'work_ms_p50': f'{seen.work_ms_p50:.2f}',
        'listeners': seen.listeners,
    }
    status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticArray(header=header, status=[status])


def latency_array(
    header: Header,
    latest: FrameLatency,
    window: dict[str, Percentiles],
    counts: FrameCounts,
) -> DiagnosticArray:
    """
    Make the message for ~/latency: this frame's stages, percentiles over the window, counters.

    :param header: of the frame, untouched, so that it can be matched with image and mask.
    """
    values = {stage: f'{getattr(latest, stage):.3f}' for stage in STAGES}
    for stage, percentiles in window.items():
        base = stage.removesuffix('_ms')
        values |= {
            f'{base}_p50_ms': f'{percentiles.p50:.3f}',
            f'{base}_p95_ms': f'{percentiles.p95:.3f}',
            f'{base}_p99_ms': f'{percentiles.p99:.3f}',
        }
    values |= {key: str(value) for key, value in _counts(counts).items()}
    status = DiagnosticStatus(
        level=DiagnosticStatus.OK,
        name='latency',
        message=f'age {latest.age_ms:.1f} ms, inference {latest.inference_ms:.1f} ms',
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
    return DiagnosticArray(header=header, status=[status])


def _counts(counts: FrameCounts) -> dict[str, int]:
    return {
        'received': counts.received,
        'processed': counts.processed,
        'dropped': counts.dropped,
        'stale': counts.stale,
        'rejected': counts.rejected,
        'in_hand': counts.in_hand,
    }
