/** SHA-256 of PyPI's wheel `onnxruntime-gpu` for Linux on x86-64, by ONNX Runtime's version. */
export const WHEELS: Readonly<Record<string, string>> = {
  "1.30.0": "6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1",
};
