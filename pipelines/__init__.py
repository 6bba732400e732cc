"""From a log of clicks on a cluster to a published model.

Steps on Apache Beam, as in TFX, one step a file.

`deca_tf` knows nothing of this package. It needs the extra `pipelines`. The wheel installs it as
`deca_tf_pipelines`, so its modules import one another by relative names.
"""
