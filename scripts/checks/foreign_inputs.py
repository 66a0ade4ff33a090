"""The Python half of foreign_inputs.ts: prepares real patients by MONAI's transforms and by nnU-Net's preprocessor, and
brings the first channel back to the file's voxels as both do with what a network says.

Usage: python scripts/checks/foreign_inputs.py DATA OUT. Needs monai, nnunetv2, nibabel and SimpleITK.
"""
import json
import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import numpy as np
import torch
from monai.transforms import (
    Compose,
    CropForeground,
    EnsureChannelFirst,
    LoadImage,
    NormalizeIntensity,
    Orientation,
    ScaleIntensityRangePercentiles,
    Spacing,
)
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

data, out = Path(sys.argv[1]), Path(sys.argv[2])
PATIENTS = {
    "tumour/patient01": ["t1c", "flair"],
    "ms/patient07": ["t1", "flair"],
    "ms-longitudinal/patient01_study1": ["t2"],
}


def monai(*transforms):
    def run(paths):
        images = [EnsureChannelFirst()(LoadImage(image_only=True)(path)) for path in paths]
        chain = Compose(transforms)
        prepared = chain(torch.cat(images))
        values = np.asarray(prepared).copy()
        return values, np.asarray(chain.inverse(prepared))[0]

    return run


def nnunet(spacing):
    kwargs = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}

    def run(paths):
        channels = range(len(paths))
        configuration = {
            "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor", "batch_size": 1,
            "patch_size": [8, 8, 8], "spacing": spacing, "architecture": {},
            "normalization_schemes": ["ZScoreNormalization" for _ in channels], "use_mask_for_norm": [True for _ in channels],
            "resampling_fn_data": "resample_data_or_seg_to_shape", "resampling_fn_data_kwargs": kwargs,
            "resampling_fn_seg": "resample_data_or_seg_to_shape",
            "resampling_fn_seg_kwargs": {**kwargs, "is_seg": True, "order": 1},
            "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
            "resampling_fn_probabilities_kwargs": {**kwargs, "order": 1},
        }
        plans = PlansManager({
            "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "image_reader_writer": "SimpleITKIO",
            "configurations": {"3d": configuration},
            "foreground_intensity_properties_per_channel": {str(c): {} for c in channels},
        })
        array, properties = SimpleITKIO().read_images(paths)
        preprocessor = DefaultPreprocessor(verbose=False)
        chosen = plans.get_configuration("3d")
        prepared, _, properties = preprocessor.run_case_npy(array, None, properties, plans, chosen, {})
        # as convert_predicted_logits_to_segmentation_with_correct_shape does before the arg-max
        size = properties["shape_after_cropping_and_before_resampling"]
        cropped = chosen.resampling_fn_probabilities(prepared, size, spacing, properties["spacing"])[0]
        whole = np.full(properties["shape_before_cropping"], np.nan)
        whole[tuple(slice(*ends) for ends in properties["bbox_used_for_cropping"])] = cropped
        return prepared, whole.transpose(2, 1, 0)

    return run


PIPELINES = {
    "monai: RAS, 1 mm, crop, z-score of nonzero": monai(
        Orientation("RAS"), Spacing((1, 1, 1), mode="bilinear"), CropForeground(), NormalizeIntensity(nonzero=True, channel_wise=True),
    ),
    "monai: z-score of nonzero, LPS, 1.5 x 1.5 x 2 mm": monai(
        NormalizeIntensity(nonzero=True, channel_wise=True), Orientation("LPS"), Spacing((1.5, 1.5, 2), mode="bilinear"),
    ),
    "monai: the file's grid, percentiles 1 and 99 to [0, 1], clipped": monai(
        ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=True, channel_wise=True),
    ),
    "nnunet: 1 mm": nnunet([1.0, 1.0, 1.0]),
    "nnunet: 3 x 0.9 x 0.9 mm": nnunet([3.0, 0.9, 0.9]),
}

rows = []
for patient, modalities in PATIENTS.items():
    paths = [str(data / patient / f"{m}.nii.gz") for m in modalities]
    for name, run in PIPELINES.items():
        start = time.time()
        array, back = run(paths)
        file = f"{len(rows)}.f32"
        np.asarray(array).astype("<f4").tofile(out / file)
        np.asarray(back).astype("<f4").tofile(out / f"back-{file}")
        rows.append({"patient": patient, "modalities": modalities, "pipeline": name, "size": list(array.shape), "file": file,
                     "seconds": time.time() - start})
(out / "expected.json").write_text(json.dumps(rows))
