"""The framework half of `presets.sh`: small networks of MONAI and nnU-Net, trained for a minute, with the files that their
frameworks write, and the masks that the frameworks themselves make of real patients.

    python scripts/checks/presets.py DATA OUT [CASE …]

Writes OUT/CASE/: the model's files, `case.json` with the patients' images by modality, and a mask for each patient.
"""
import json
import os
import sys
import tempfile
from pathlib import Path

TEMPORARY = tempfile.mkdtemp()
os.environ.update(nnUNet_raw=TEMPORARY, nnUNet_preprocessed=TEMPORARY, nnUNet_results=TEMPORARY, nnUNet_compile="f")

import nibabel  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from monai.bundle import ConfigParser  # noqa: E402
from monai.losses import DiceCELoss  # noqa: E402
from monai.networks.nets import UNet  # noqa: E402
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: E402
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans  # noqa: E402
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager  # noqa: E402
from scipy.ndimage import gaussian_filter  # noqa: E402

DATA, OUT = Path(sys.argv[1]), Path(sys.argv[2])
STEPS = 80
torch.set_num_threads(1)


def load(path):
    return np.asarray(nibabel.load(path).dataobj, dtype=np.float32)


def ms_labels(folder):
    """1: lesion, 2: the rest of the brain."""
    lesion, brain = load(folder / "lesion.nii.gz") > 0, load(folder / "flair.nii.gz") > 0.02
    return np.where(lesion, 1, np.where(brain, 2, 0)).astype(np.uint8)


def tumour_labels(folder):
    """BraTS: 1 necrosis, 2 oedema, 3 non-enhancing, 4 enhancing; as 1 oedema, 2 core, 3 enhancing."""
    return np.array([0, 2, 1, 2, 3], dtype=np.uint8)[load(folder / "tumour.nii.gz").astype(int)]


def bright_labels(folder):
    """Labels for heads that have none: 1 tissue, 2 bright tissue, of the smoothed image."""
    image = nibabel.load(folder / "flair.nii.gz")
    smooth = gaussian_filter(load(folder / "flair.nii.gz"), [3 / z for z in image.header.get_zooms()])
    head = smooth[smooth > smooth.mean()]
    return ((smooth > head.mean() * 0.7).astype(np.uint8) + (smooth > head.mean() + 0.8 * head.std())).astype(np.uint8)


SETS = {
    "ms": (DATA / "ms", ["patient07", "patient19"], ["patient26"], ms_labels),
    "tumour": (DATA / "tumour", ["patient01", "patient02"], ["patient05"], tumour_labels),
    "raw": (
        DATA / "ms-longitudinal",
        ["patient01_study2", "patient03_study2"],
        ["patient01_study1", "patient12_study2"],
        bright_labels,
    ),
}


def train(network, samples, patch, regions=None):
    """`samples`: pairs of an image [C, …] and a label map […]; `regions`: the values of each, for a sigmoid each."""
    loss_of = DiceCELoss(to_onehot_y=regions is None, softmax=regions is None, sigmoid=regions is not None)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    random = np.random.default_rng(0)
    network.train()
    for step in range(STEPS):
        image, label = samples[step % len(samples)]
        wanted = np.argwhere(label == random.integers(1, label.max() + 1))
        centre = wanted[random.integers(len(wanted))] if len(wanted) else np.array(label.shape) // 2
        start = [int(np.clip(c - p // 2, 0, max(n - p, 0))) for c, p, n in zip(centre, patch, label.shape)]
        cut = tuple(slice(s, s + p) for s, p in zip(start, patch))
        x, y = image[(slice(None), *cut)], label[cut]
        pad = [(0, p - n) for p, n in zip(patch, y.shape)]
        x, y = np.pad(x, [(0, 0), *pad]), np.pad(y, pad)
        target = y[None] if regions is None else np.stack([np.isin(y, values) for values in regions])
        loss = loss_of(network(torch.from_numpy(x[None].copy()).float()), torch.from_numpy(target[None].copy()).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"  loss {loss.item():.3f}", flush=True)
    return network.eval()


def write_case(folder, modalities, patients):
    (folder / "case.json").write_text(json.dumps({"modalities": modalities, "patients": patients}))


# MONAI

# Without weights a normalisation of an empty window divides rounding by the root of eps: MONAI's answer is noise there.
AFFINE = ("instance", {"affine": True})


def bundle_case(name, *, data, modalities, network, patch, inference, names, regions=None, channel_names=None):
    root, training, tests, labels_of = SETS[data]
    folder = OUT / name
    (folder / "configs").mkdir(parents=True, exist_ok=True)
    (folder / "models").mkdir(exist_ok=True)
    tensor = {"type": "image", "spatial_shape": ["8*n", "8*n", "8*n"], "dtype": "float32", "is_patch_data": True}
    channels = channel_names or modalities
    metadata = {
        "version": "0.1.0",
        "network_data_format": {
            "inputs": {
                "image": {
                    **tensor,
                    "format": "magnitude",
                    "modality": "MR",
                    "num_channels": len(modalities),
                    "channel_def": {str(i): channel for i, channel in enumerate(channels)},
                }
            },
            "outputs": {
                "pred": {
                    **tensor,
                    "format": "segmentation",
                    "num_channels": len(names),
                    "channel_def": {str(i): label for i, label in enumerate(names)},
                }
            },
        },
    }
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    (folder / "configs" / "inference.json").write_text(json.dumps(inference))
    parser = ConfigParser(inference)
    parser["network_def"] = network
    before = parser.get_parsed_content("preprocessing")

    def images_of(patient):
        return [str(root / patient / f"{modality}.nii.gz") for modality in modalities]

    samples = []
    for patient in training:
        affine = nibabel.load(images_of(patient)[0]).affine
        path = os.path.join(TEMPORARY, f"{name}_{patient}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels_of(root / patient), affine), path)
        item = before({"image": images_of(patient)})
        label = parser_of_labels(inference)({"label": path, "image": item["image"]})["label"]
        samples.append((np.asarray(item["image"]), np.asarray(label)[0].astype(np.uint8)))
    train(network, samples, patch, regions)
    inputs = torch.zeros(1, len(modalities), *patch)
    torch.onnx.export(network, (inputs,), str(folder / "models" / "model.onnx"), dynamo=False, opset_version=17)
    after, inferer = parser.get_parsed_content("postprocessing"), parser.get_parsed_content("inferer")
    patients = {}
    for patient in tests:
        item = before({"image": images_of(patient)})
        with torch.no_grad():
            item["pred"] = inferer(item["image"][None], network)[0]
        answer = np.asarray(after(item)["pred"])
        mask = answer[0] if regions is None else painted(answer, names)
        affine = nibabel.load(images_of(patient)[0]).affine
        nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), affine), folder / f"{patient}.nii.gz")
        patients[patient] = dict(zip(modalities, images_of(patient)))
    write_case(folder, modalities, patients)


def painted(answer, names):
    """Regions over each other, the largest first; values count from 1 in the order of the channels."""
    mask = np.zeros(answer.shape[1:])
    for channel in sorted(range(len(names)), key=lambda c: -answer[c].sum()):
        mask[answer[channel] > 0] = channel + 1
    return mask


def parser_of_labels(inference):
    """The geometry of a bundle's transforms for a label map on the images' grid."""
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, Orientationd, ResampleToMatchd

    steps = [LoadImaged(keys="label"), EnsureChannelFirstd(keys="label")]
    for step in inference["preprocessing"]["transforms"]:
        if step["_target_"] == "Orientationd":
            steps.append(Orientationd(keys="label", axcodes=step["axcodes"]))
    return Compose([*steps, ResampleToMatchd(keys="label", key_dst="image", mode="nearest", padding_mode="zeros")])


def compose(*steps):
    return {"_target_": "Compose", "transforms": [dict(step) for step in steps]}


def step(name, **arguments):
    return {"_target_": name, "keys": "image", **arguments}


LOAD = (step("LoadImaged"), step("EnsureChannelFirstd"))
INVERT = {
    "_target_": "Invertd",
    "keys": "pred",
    "transform": "@preprocessing",
    "orig_keys": "image",
    "nearest_interp": False,
    "to_tensor": True,
}


def inferer(roi, **arguments):
    return {"_target_": "SlidingWindowInferer", "roi_size": roi, "sw_batch_size": 1, **arguments}


def monai_softmax():
    bundle_case(
        "monai-softmax",
        data="ms",
        modalities=["flair", "t1"],
        network=UNet(3, 2, 3, channels=(8, 16, 32), strides=(2, 2), num_res_units=1, norm=AFFINE),
        patch=[64, 64, 48],
        names=["background", "lesion", "brain"],
        inference={
            "imports": ["$import glob"],
            "roi": [64, 64, 48],
            "preprocessing": compose(
                *LOAD,
                step("Orientationd", axcodes="RAS"),
                # before Spacingd: behind it, MONAI's rounding decides which neighbours of the brain are not 0
                step("NormalizeIntensityd", nonzero=True, channel_wise=True),
                step("Spacingd", pixdim=[1.1, 1.15, 1.3], mode="bilinear"),
                step("EnsureTyped", device="$torch.device('cpu')"),
            ),
            "inferer": inferer("@roi", overlap=0.5, mode="gaussian"),
            "postprocessing": compose(
                {"_target_": "Activationsd", "keys": "pred", "softmax": True},
                INVERT,
                {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            ),
        },
    )


def monai_regions():
    bundle_case(
        "monai-regions",
        data="tumour",
        modalities=["t1c", "flair"],
        network=UNet(3, 2, 3, channels=(8, 16, 32), strides=(2, 2), norm=AFFINE),
        patch=[64, 64, 64],
        names=["Tumor core", "Whole tumor", "Enhancing tumor"],
        channel_names=["T1c", "FLAIR"],
        regions=[[2, 3], [1, 2, 3], [3]],
        inference={
            "preprocessing": compose(*LOAD, step("NormalizeIntensityd", nonzero=True, channel_wise=True)),
            "inferer": inferer([64, 64, 64], overlap=0.25),
            "postprocessing": compose(
                {"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
                INVERT,
                {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5},
            ),
        },
    )


def monai_raw():
    bundle_case(
        "monai-raw",
        data="raw",
        modalities=["flair"],
        network=UNet(3, 1, 3, channels=(8, 16, 32), strides=(2, 2), norm=AFFINE),
        patch=[64, 64, 32],
        names=["background", "tissue", "bright"],
        inference={
            "preprocessing": compose(
                *LOAD,
                step("Orientationd", axcodes="RAS"),
                step("Spacingd", pixdim=[1.0, 1.0, 2.0], mode="bilinear"),
                step("CropForegroundd", source_key="image", margin=2),
                step("ScaleIntensityRangePercentilesd", lower=1, upper=99, b_min=0.0, b_max=1.0, clip=True),
            ),
            "inferer": inferer([64, 64, 32], overlap=0.5, mode="gaussian"),
            "postprocessing": compose(
                {"_target_": "Activationsd", "keys": "pred", "softmax": True},
                INVERT,
                {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
                {"_target_": "KeepLargestConnectedComponentd", "keys": "pred", "applied_labels": [1, 2]},
            ),
        },
    )


# nnU-Net

INTENSITY = {"max": 9, "mean": 3, "median": 3, "min": 0, "percentile_00_5": 0, "percentile_99_5": 8, "std": 2}
FUNCTION = "resample_data_or_seg_to_shape"


def nnunet_case(
    name,
    *,
    data,
    modalities,
    channel_names,
    labels,
    order=None,
    reader,
    spacing,
    patch,
    masked,
    network,
    strides,
    transpose=(0, 1, 2),
    mirrored=(),
    scheme="ZScoreNormalization",
):
    root, training, tests, labels_of = SETS[data]
    folder = OUT / name / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    resampling = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    residual = network == "ResidualEncoderUNet"
    plans = {
        "dataset_name": "Dataset001_Check",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": reader,
        "transpose_forward": list(transpose),
        "transpose_backward": [list(transpose).index(i) for i in range(3)],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(i): INTENSITY for i in range(len(modalities))},
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": patch,
                "spacing": spacing,
                "normalization_schemes": [scheme] * len(modalities),
                "use_mask_for_norm": [masked] * len(modalities),
                "resampling_fn_data": FUNCTION,
                "resampling_fn_data_kwargs": resampling,
                "resampling_fn_seg": FUNCTION,
                "resampling_fn_seg_kwargs": {**resampling, "is_seg": True, "order": 1},
                "resampling_fn_probabilities": FUNCTION,
                "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
                "architecture": {
                    "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
                    "arch_kwargs": {
                        "n_stages": 3,
                        "features_per_stage": [8, 16, 32],
                        "conv_op": "torch.nn.modules.conv.Conv3d",
                        "kernel_sizes": [[1 if s[0] == 1 and i < 1 else 3, 3, 3] for i, s in enumerate(strides)],
                        "strides": strides,
                        ("n_blocks_per_stage" if residual else "n_conv_per_stage"): [1, 1, 1],
                        "n_conv_per_stage_decoder": [1, 1],
                        "conv_bias": True,
                        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
                        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
                        "dropout_op": None,
                        "dropout_op_kwargs": None,
                        "nonlin": "torch.nn.LeakyReLU",
                        "nonlin_kwargs": {"inplace": True},
                    },
                    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
                },
                "batch_dice": False,
            }
        },
    }
    dataset = {
        "channel_names": {str(i): channel for i, channel in enumerate(channel_names)},
        "labels": labels,
        "file_ending": ".nii.gz",
        **({"regions_class_order": order} if order else {}),
    }
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(dataset))
    manager = PlansManager(json.loads(json.dumps(plans)))
    configuration = manager.get_configuration("3d_fullres")
    preprocessor, io = configuration.preprocessor_class(verbose=False), manager.image_reader_writer_class()
    label_manager = manager.get_label_manager(dataset)
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    made = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        len(modalities),
        label_manager.num_segmentation_heads,
        deep_supervision=False,
    )

    def images_of(patient):
        return [str(root / patient / f"{modality}.nii.gz") for modality in modalities]

    samples = []
    for patient in training:
        path = os.path.join(TEMPORARY, f"{name}_{patient}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels_of(root / patient), nibabel.load(images_of(patient)[0]).affine), path)
        image, properties = io.read_images(images_of(patient))
        label, _ = io.read_seg(path)
        image, label, _ = preprocessor.run_case_npy(image, label, properties, manager, configuration, dataset)
        samples.append((np.asarray(image), np.maximum(np.asarray(label)[0], 0).astype(np.uint8)))
    regions = [list(np.atleast_1d(v)) for k, v in labels.items() if k != "background"] if order else None
    train(made, samples, patch, regions)
    torch.save(
        {
            "network_weights": made.state_dict(),
            "optimizer_state": {},
            "grad_scaler_state": None,
            "logging": {"mean_fg_dice": [np.float64(0.5)]},
            "_best_ema": np.float64(0.5),
            "current_epoch": 1,
            "init_args": {
                "plans": plans,
                "configuration": "3d_fullres",
                "fold": 0,
                "dataset_json": dataset,
                "device": torch.device("cpu"),
            },
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": tuple(mirrored) or None,
        },
        folder / "fold_0" / "checkpoint_final.pth",
    )
    predictor = nnUNetPredictor(perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), (0,))
    patients = {patient: dict(zip(modalities, images_of(patient))) for patient in tests}
    predictor.predict_from_files_sequential(
        [images_of(patient) for patient in tests], [str(OUT / name / patient) for patient in tests]
    )
    write_case(OUT / name, modalities, patients)


def nnunet_regions():
    nnunet_case(
        "nnunet-regions",
        data="tumour",
        modalities=["t1c", "flair"],
        channel_names=["T1ce", "FLAIR"],
        labels={"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3},
        order=[1, 2, 3],
        reader="SimpleITKIO",
        spacing=[1.0, 1.0, 1.0],
        patch=[48, 64, 64],
        masked=True,
        network="PlainConvUNet",
        strides=[[1, 1, 1], [2, 2, 2], [2, 2, 2]],
        mirrored=(0, 2),
    )


def nnunet_labels():
    nnunet_case(
        "nnunet-labels",
        data="ms",
        modalities=["flair", "t1"],
        channel_names=["FLAIR", "T1"],
        labels={"background": 0, "lesion": 1, "brain": 2},
        reader="NibabelIOWithReorient",
        spacing=[1.3, 1.2, 1.1],
        patch=[48, 48, 48],
        masked=False,
        network="ResidualEncoderUNet",
        strides=[[1, 1, 1], [2, 2, 2], [2, 2, 2]],
    )


def nnunet_raw():
    nnunet_case(
        "nnunet-raw",
        data="raw",
        modalities=["flair"],
        channel_names=["FLAIR"],
        labels={"background": 0, "tissue": 1, "bright": 2},
        reader="NibabelIO",
        spacing=[3.0, 0.8, 0.8],
        patch=[16, 96, 96],
        masked=False,
        network="PlainConvUNet",
        strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        mirrored=(2,),
    )


def nnunet_transposed():
    nnunet_case(
        "nnunet-transposed",
        data="raw",
        modalities=["flair"],
        channel_names=["FLAIR"],
        labels={"background": 0, "tissue": 1, "bright": 2},
        reader="SimpleITKIO",
        spacing=[1.2, 2.0, 1.4],
        patch=[64, 32, 48],
        masked=True,
        network="PlainConvUNet",
        strides=[[1, 1, 1], [2, 2, 2], [2, 2, 2]],
        transpose=(2, 0, 1),
        scheme="RescaleTo01Normalization",
    )


CASES = {
    "monai-softmax": monai_softmax,
    "monai-regions": monai_regions,
    "monai-raw": monai_raw,
    "nnunet-regions": nnunet_regions,
    "nnunet-labels": nnunet_labels,
    "nnunet-raw": nnunet_raw,
    "nnunet-transposed": nnunet_transposed,
}

for wanted in sys.argv[3:] or CASES:
    print(wanted, flush=True)
    CASES[wanted]()
