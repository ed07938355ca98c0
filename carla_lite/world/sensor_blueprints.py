"""CARLA 0.9.16's sensors that carla_lite has, with their attributes and defaults."""

BOOL, INT, FLOAT, STRING = 1, 2, 3, 4

# (name, kind, default, further recommended values)
Row = tuple

_TICK: tuple[Row, ...] = (('sensor_tick', FLOAT, '0.0'),)

_CAMERA: tuple[Row, ...] = (
    *_TICK,
    ('image_size_x', INT, '800'),
    ('image_size_y', INT, '600'),
    ('fov', FLOAT, '90.0'),
    ('lens_circle_falloff', FLOAT, '5.0'),
    ('lens_circle_multiplier', FLOAT, '0.0'),
    ('lens_k', FLOAT, '-1.0'),
    ('lens_kcube', FLOAT, '0.0'),
    ('lens_x_size', FLOAT, '0.08'),
    ('lens_y_size', FLOAT, '0.08'),
)

_RGB: tuple[Row, ...] = (
    *_CAMERA,
    ('enable_postprocess_effects', BOOL, 'true'),
    ('gamma', FLOAT, '2.2'),
    ('motion_blur_intensity', FLOAT, '0.45'),
    ('motion_blur_max_distortion', FLOAT, '0.35'),
    ('motion_blur_min_object_screen_size', FLOAT, '0.1'),
    ('lens_flare_intensity', FLOAT, '0.1'),
    ('bloom_intensity', FLOAT, '0.675'),
    ('exposure_mode', STRING, 'histogram', 'manual'),
    ('exposure_compensation', FLOAT, '0.0'),
    ('exposure_min_bright', FLOAT, '10.0'),
    ('exposure_max_bright', FLOAT, '12.0'),
    ('exposure_speed_up', FLOAT, '3.0'),
    ('exposure_speed_down', FLOAT, '1.0'),
    ('calibration_constant', FLOAT, '16.0'),
    ('shutter_speed', FLOAT, '200.0'),
    ('iso', FLOAT, '100.0'),
    ('fstop', FLOAT, '1.4'),
    ('min_fstop', FLOAT, '1.2'),
    ('blade_count', INT, '5'),
    ('focal_distance', FLOAT, '1000.0'),
    ('blur_amount', FLOAT, '1.0'),
    ('blur_radius', FLOAT, '0.0'),
    ('slope', FLOAT, '0.88'),
    ('toe', FLOAT, '0.55'),
    ('shoulder', FLOAT, '0.26'),
    ('black_clip', FLOAT, '0.0'),
    ('white_clip', FLOAT, '0.04'),
    ('temp', FLOAT, '6500.0'),
    ('tint', FLOAT, '0.0'),
    ('chromatic_aberration_intensity', FLOAT, '0.0'),
    ('chromatic_aberration_offset', FLOAT, '0.0'),
    # carla_lite's own; the defaults change nothing
    ('lite_noise', FLOAT, '0.0'),
    ('lite_jpeg_quality', INT, '0'),
    ('lite_bonnet', BOOL, 'false'),
)

_GNSS: tuple[Row, ...] = (
    *_TICK,
    ('noise_seed', INT, '0'),
    *(
        (f'noise_{axis}_{what}', FLOAT, '0.0')
        for axis in ('lat', 'lon', 'alt')
        for what in ('stddev', 'bias')
    ),
)

_IMU: tuple[Row, ...] = (
    *_TICK,
    ('noise_seed', INT, '0'),
    *(
        (f'noise_{what}_{axis}', FLOAT, '0.0')
        for what in ('accel_stddev', 'gyro_stddev', 'gyro_bias')
        for axis in 'xyz'
    ),
)

SENSORS: dict[str, tuple[Row, ...]] = {
    'sensor.camera.rgb': _RGB,
    'sensor.camera.semantic_segmentation': _CAMERA,
    'sensor.camera.instance_segmentation': _CAMERA,
    'sensor.camera.depth': _CAMERA,
    'sensor.other.gnss': _GNSS,
    'sensor.other.imu': _IMU,
    'sensor.other.collision': (),
    'sensor.other.lane_invasion': (),
}
