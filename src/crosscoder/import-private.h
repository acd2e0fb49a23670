/* What the importers share. */
#pragma once

#include "crosscoder-private.h"
#include "exchange.h"
#include "json.h"
#include "trainer.h"
#include "weight-summary.h"

typedef struct {
  CsTensorFile  *file;
  char          *config_path;    /* beside it; NULL or a file that is there */
  json_t        *config;         /* of config_path, or NULL */
  json_t        *trainer;        /* borrowed: the trainer's settings within it, or NULL */
  const char    *format;         /* "hub", "checkpoint", "kissane" */
  CsCrosscoder  *crosscoder;
  CsTrainConfig  settings;
  long           layer;          /* −1 = not known */
  GPtrArray     *notes;          /* sentences */
  CsWeightSummary summary;       /* of a file that is kept as it is */
} CsImport;

/* Finds the tensors' file and the settings beside it. */
bool cs_import_locate (CsImport *import, const char *path, GError **error);
/* Refuses what is no crosscoder of two models, by its tensors; sets format and the prefix of the names. */
bool cs_import_recognise (CsImport *import, GError **error);
/* The crosscoder of a file with W_enc, W_dec, b_enc, b_dec. */
CsCrosscoder *cs_import_kissane (const CsTensorFile *file, GError **error);
/* Multiplies encoder and divides decoder and its bias by c_m, and remembers c. */
void cs_crosscoder_fold (CsCrosscoder *crosscoder, const double c[2]);
/* --- Keeping a file of the hub format as it is (import-keep.c) --- */
bool cs_import_may_keep (const CsImport *import, const CsImportOptions *options);
/* The crosscoder without its weights, which are summed up where they lie. */
CsCrosscoder *cs_import_look (CsImport *import, GError **error);
/* to gets the contents of from: shared blocks or another name of the same file where that can be, else a copy. */
bool cs_import_share_file (const char *from, const char *to, GError **error);
/* Makes a run that shares the file read as the original does. */
bool cs_import_complete (const CsImport *import, const char *run_folder, GError **error);
bool cs_import_write_model (const CsCrosscoder *crosscoder, const char *path, GError **error);
void cs_import_note (CsImport *import, const char *format, ...) G_GNUC_PRINTF (2, 3);
