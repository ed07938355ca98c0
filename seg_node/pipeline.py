"""From a camera message to published results: what happens to each frame, and where time goes."""

from collections.abc import Callable
import time
from typing import Any

from seg_node.diagnostics import latency_array
from seg_node.frame import Frame
from seg_node.latency import FrameLatency, LatencyWindow
from seg_node.outputs import Outputs
from seg_node.segmenter import Segmenter
from seg_node.worker import FrameWorker, Outcome
from std_msgs.msg import Header


class FramePipeline:
    """A model, its mailbox and its publishers: everything that exists while configured."""

    def __init__(
        self,
        segmenter: Segmenter,
        outputs: Outputs,
        decode: Callable[[Any], Frame],
        now_ns: Callable[[], int],
        latency_window: int,
    ) -> None:
        """
        Make a pipeline that stands still.

        :param segmenter: owned from now on.
        :param outputs: owned from now on.
        :param decode: message to frame; ``SegNodeError`` rejects it.
        :param now_ns: the node's clock, wall or simulation; 0 while it stands still.
        :param latency_window: frames to take percentiles over.
        """
        self.segmenter = segmenter
        self.outputs = outputs
        self.worker: FrameWorker[Any] = FrameWorker(self._work)
        self.window = LatencyWindow(latency_window)
        self.max_age_s = 0.0
        self.ignored = 0
        self._decode = decode
        self._now_ns = now_ns

    def put(self, message: Any) -> None:
        """Hand over a message; ignored while nobody subscribes to any result."""
        if self.outputs.listeners() == 0:
            self.ignored += 1
        else:
            self.worker.put(message)

    def swap(self, segmenter: Segmenter) -> None:
        """Run another model from the next frame on, and close the one before."""
        with self.worker.between_frames():
            previous, self.segmenter = self.segmenter, segmenter
            previous.close()

    def observe(self) -> dict[str, Any]:
        """Return the fields of an ``Observation`` that concern frames and results."""
        return {
            'counts': self.worker.counts(),
            'rejections': self.worker.rejections(),
            'ignored': self.ignored,
            'work_ms_p50': self.window.percentiles()['work_ms'].p50,
            'listeners': self.outputs.listeners(),
        }

    def close(self) -> None:
        """Finish the frame in work, then free everything."""
        self.worker.stop()
        self.outputs.close()
        self.segmenter.close()

    def _work(self, message: Any, wait_ms: float) -> Outcome:
        header = message.header
        if self.max_age_s > 0 and self._age_ms(header) > self.max_age_s * 1e3:
            return Outcome.STALE
        start_s = time.perf_counter()
        frame = self._decode(message)
        decoded_s = time.perf_counter()
        result = self.segmenter.segment(frame, self.outputs.wants_confidence())
        segmented_s = time.perf_counter()
        manifest = self.segmenter.bundle.manifest
        self.outputs.publish_mask(frame, result.mask, manifest, header)
        latency = FrameLatency(
            wait_ms=wait_ms,
            decode_ms=(decoded_s - start_s) * 1e3,
            preprocess_ms=result.times.preprocess_ms,
            inference_ms=result.times.inference_ms,
            postprocess_ms=result.times.postprocess_ms,
            publish_ms=(time.perf_counter() - segmented_s) * 1e3,
            age_ms=self._age_ms(header),
        )
        self._report(header, latency)
        return Outcome.PROCESSED

    def _report(self, header: Header, latency: FrameLatency) -> None:
        self.window.add(latency)
        if self.outputs.wants_latency():
            window, counts = self.window.percentiles(), self.worker.counts()
            self.outputs.publish_latency(latency_array(header, latency, window, counts))

    def _age_ms(self, header: Header) -> float:
        """Return how old a stamp is by the node's clock; NaN while that clock stands still."""
        now_ns = self._now_ns()
        if now_ns == 0:
            return float('nan')
        return (now_ns - header.stamp.sec * 1_000_000_000 - header.stamp.nanosec) / 1e6
