/* What the readers of config.json share. */
#pragma once

#include "model-private.h"

typedef struct
{
  CsArchitecture *a;
  json_t *config; /* borrowed; the text_config where there is one */
  json_t *outer;  /* what that lies in; the same as config elsewhere */
  const char *name;
  GError **error;
} CsConfigReader;

/* Sets "NAME: sentence"; always false. code is a CsError. */
bool cs_config_refuse (const CsConfigReader *r, int code, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Whether the key is there and not null. */
bool cs_config_is_set (json_t *object, const char *key);
/* A number in [1e-9, 1e15); `fallback` where the key is missing. */
bool cs_config_positive (const CsConfigReader *r,
                         json_t *object,
                         const char *key,
                         double fallback,
                         double *out);

/* model-rope.c: rotary positions in the dialects of transformers 4 and 5; after the sizes. */
bool cs_config_read_rope (const CsConfigReader *r);
