"""
The managed node: it keeps the lifecycle, the parameters and the diagnostics.

What it decides is decided in modules without ROS. The executor's one thread takes images, answers
services and publishes diagnostics; the pipeline's worker segments; a model is loaded on a third.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
import functools
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from seg_node import parameters
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.diagnostics import diagnostic_array
from seg_node.errors import SegNodeError
from seg_node.health import HealthMonitor, Observation
from seg_node.image_input import ImageInput
from seg_node.outputs import Outputs
from seg_node.parameters import NodeParameters
from seg_node.pipeline import FramePipeline
from seg_node.ros_conversions import frame_from_compressed, frame_from_image
from seg_node.ros_logging import forward_logs
from seg_node.segmenter import Segmenter
from std_msgs.msg import Header

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

#: How long an image may wait at most while a model is loaded.
_POLL_S = 0.002

Transition = Callable[['SegNode', LifecycleState], TransitionCallbackReturn]


def _logging_faults(transition: Transition) -> Transition:
    """Log what goes wrong in a transition; rclpy turns it into an error without a word."""

    @functools.wraps(transition)
    def logged(self: 'SegNode', state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception:
            self.get_logger().error(f'{transition.__name__} failed:\n{traceback.format_exc()}')
            return TransitionCallbackReturn.ERROR

    return logged


class SegNode(LifecycleNode):
    """Managed node ``seg_node``; topics and parameters are listed in the README."""

    def __init__(self, **kwargs: Any) -> None:
        """
        Declare parameters and start diagnostics; the model is loaded when it is configured.

        :raises ParameterError: for a parameter that cannot be.
        """
        super().__init__('seg_node', **kwargs)
        forward_logs(self.get_logger())
        parameters.declare(self)
        self._settings = parameters.read(self)
        self._pipeline: FramePipeline | None = None
        self._input: ImageInput | None = None
        self._health = HealthMonitor()
        self._state = 'unconfigured'
        self._model_error = ''
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._survive_illegal_transitions()
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # A steady clock: with simulation time and no /clock, the node's own clock stands still.
        self.create_timer(
            self._settings.diagnostics_period_s,
            self._publish_diagnostics,
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def start(self) -> bool:
        """Configure and activate; return False when that failed (the log says why)."""
        return self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS

    @property
    def autostart(self) -> bool:
        """Whether the node is to start itself."""
        return self._settings.autostart

    @_logging_faults
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up the model, create the publishers, subscribe."""
        try:
            self._settings = parameters.read(self)
            segmenter = _load_segmenter(self._settings)
        except SegNodeError as error:
            self._model_error = str(error)
            self.get_logger().error(f'not configured: {error}')
            return FAILURE
        self._model_error = ''
        transport = self._settings.image_transport
        self._pipeline = FramePipeline(
            segmenter,
            Outputs(self),
            frame_from_image if transport == 'raw' else frame_from_compressed,
            lambda: self.get_clock().now().nanoseconds,
            self._settings.latency_window,
        )
        self._pipeline.max_age_s = self._settings.max_age_s
        self._input = ImageInput(self, transport, self._settings.reliability, self._on_image)
        self._state = 'inactive'
        self.get_logger().info(f'configured: {segmenter.description}')
        return super().on_configure(state)

    @_logging_faults
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start segmenting."""
        result = super().on_activate(state)
        if self._pipeline is not None and self._input is not None:
            self._pipeline.worker.start()
            self._pipeline.outputs.publish_label_info(self._pipeline.segmenter.bundle.manifest)
            self._state = 'active'
            self.get_logger().info(f'active: waiting for images on {self._input.topic}')
        return result

    @_logging_faults
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Finish the frame in work and stop."""
        self._state = 'inactive'
        if self._pipeline is not None:
            self._pipeline.worker.stop()
        return super().on_deactivate(state)

    @_logging_faults
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free model, subscription and publishers."""
        self.release('unconfigured')
        return SUCCESS

    @_logging_faults
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from whatever state."""
        self.release('finalized')
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that the node can be configured again."""
        self.get_logger().error('a transition failed: the node is unconfigured again')
        self.release('unconfigured')
        return SUCCESS

    def release(self, state: str) -> None:
        """Free all that was configured; a second call does nothing."""
        self._state = state
        self._model_error = ''
        image_input, pipeline = self._input, self._pipeline
        self._input = self._pipeline = None
        if image_input is not None:
            image_input.close()
        if pipeline is not None:
            pipeline.close()

    def _survive_illegal_transitions(self) -> None:
        """
        Answer a transition that the state does not allow with "no".

        rclpy lets the state machine's error out of the service callback, which ends the executor
        and so the node; seen with Jazzy (7.1).
        """
        service = self._service_change_state
        change_state = service.callback

        def answer(request: ChangeState.Request, response: ChangeState.Response) -> Any:
            try:
                return change_state(request, response)
            except RuntimeError:  # RCLError
                self.get_logger().error(
                    f'transition {request.transition.label or request.transition.id} refused: '
                    f'the node is {self._state}'
                )
                response.success = False
                return response

        service.callback = answer

    def _on_image(self, message: Any) -> None:
        pipeline = self._pipeline
        if pipeline is None:
            return
        if self._state == 'active':
            pipeline.put(message)
        else:
            pipeline.ignored += 1

    def _on_set_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        """Check new values; when they name another model, load it beside the old and swap."""
        changes = {parameter.name: parameter.value for parameter in changed}
        try:
            wanted = parameters.read(self, changes)
            self._apply(wanted)
        except SegNodeError as error:
            self.get_logger().error(f'nothing changed: {error}')
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # or it ends the executor, and so a node that works
            self.get_logger().error(f'nothing changed:\n{traceback.format_exc()}')
            reason = traceback.format_exception_only(error)[-1].strip()
            return SetParametersResult(successful=False, reason=reason)
        self._settings = wanted
        return SetParametersResult(successful=True)

    def _apply(self, wanted: NodeParameters) -> None:
        pipeline = self._pipeline
        if pipeline is None:
            return
        if parameters.model_of(wanted) != parameters.model_of(self._settings):
            try:
                segmenter = self._load_while_frames_come(wanted)
            except SegNodeError as error:
                self._model_error = f'kept the model as it was: {error}'
                raise
            pipeline.swap(segmenter)
            if self._state == 'active':
                pipeline.outputs.publish_label_info(segmenter.bundle.manifest)
            self.get_logger().info(f'now runs {segmenter.description}')
        self._model_error = ''
        pipeline.max_age_s = wanted.max_age_s

    def _load_while_frames_come(self, wanted: NodeParameters) -> Segmenter:
        """Load a model on another thread; this one, the executor's, keeps taking images."""
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(_load_segmenter, wanted)
            while not wait([loading], timeout=_POLL_S).done:
                if self._input is not None:
                    self._input.deliver_waiting()
        return loading.result()

    def _publish_diagnostics(self) -> None:
        pipeline, observation = self._pipeline, self._observe()
        self._diagnostics.publish(
            diagnostic_array(
                Header(stamp=self.get_clock().now().to_msg()),
                self.get_name(),
                pipeline.segmenter.description if pipeline else '',
                self._health.assess(observation),
                observation,
            )
        )

    def _observe(self) -> Observation:
        use_sim_time = self.get_parameter('use_sim_time').value
        pipeline, image_input = self._pipeline, self._input
        return Observation(
            time_s=time.monotonic(),
            node=self.get_fully_qualified_name(),
            state=self._state,
            max_age_s=self._settings.max_age_s,
            use_sim_time=use_sim_time,
            clock_running=not use_sim_time or self.get_clock().now().nanoseconds > 0,
            model_error=self._model_error,
            model_loaded=pipeline is not None,
            **(pipeline.observe() if pipeline else {}),
            **(image_input.observe() if image_input else {'publishers': 0}),
        )


def _load_segmenter(wanted: NodeParameters) -> Segmenter:
    bundle = ModelBundle.load(wanted.bundle or default_bundle_path())
    return Segmenter.load(bundle, wanted.engine, wanted.precision, wanted.adapter, wanted.threads)
