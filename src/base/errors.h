/* The one error domain of the program.
 *
 * An error is set where it happens, in one sentence that says what is wrong and what to do, and is shown
 * to the user as it is, in the window and on standard error. */
#pragma once

#include <glib.h>

#define CS_ERROR (cs_error_quark ())

typedef enum {
  CS_ERROR_IO,          /* cannot be read or written: missing, no permission, disk full */
  CS_ERROR_FORMAT,      /* the content is not what it has to be: truncated, hostile, wrong shape, NaN */
  CS_ERROR_MISMATCH,    /* two things that have to fit do not: a pair of models, a store and a run */
  CS_ERROR_UNSUPPORTED, /* well-formed, but nothing that this version can do */
  CS_ERROR_CANCELLED,   /* the user stopped it; what was complete is kept */
  CS_ERROR_NUMERIC,     /* a computation left the finite numbers */
  CS_ERROR_USAGE,       /* the caller asked for something that makes no sense */
} CsError;

GQuark cs_error_quark (void);
