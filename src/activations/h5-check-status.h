/* Exit status of crosscope-h5-check, as cs_h5_check() reads it. A signal that ends the program means
 * damage too. */
#pragma once

enum
{
  H5_CHECK_FINE = 0,
  H5_CHECK_DAMAGED = 1,     /* HDF5 could not read something that the file has */
  H5_CHECK_NOT_HDF5 = 2,    /* HDF5 could not open it at all */
  H5_CHECK_UNSUPPORTED = 3, /* links or data that lead out of the file, other filters, absurd sizes */
};

/* Seconds of processor time after which the check ends itself, and of waiting: a busy machine or a slow disk is no
 * damage. */
#define H5_CHECK_SECONDS 20
#define H5_CHECK_PATIENCE 180
