/* What a file or folder is that a user points at or drops on the window. */
#pragma once

#include <stdbool.h>

#include <glib.h>

typedef enum {
  CS_FILE_UNKNOWN,
  CS_FILE_STUDY,       /* a folder with study.json, or that file */
  CS_FILE_MODEL,       /* a language model's folder, or a file of it */
  CS_FILE_CROSSCODER,  /* what exchange.h imports */
  CS_FILE_TABLE,       /* feature_df.csv */
  CS_FILE_EXAMPLES,    /* examples.db */
  CS_FILE_CORPUS,      /* text or JSON lines */
  CS_FILE_CACHE,       /* one model's activations as the authors' library caches them */
} CsFileKind;

/* By its name and its first bytes; nothing of its size is read. problem (free with g_free()) gets a sentence where it is
 * CS_FILE_UNKNOWN. */
CsFileKind cs_file_kind (const char *path, char **problem);
/* Whether a model's folder has a chat template: then it is the chat model of a pair. */
bool cs_file_is_chat_model (const char *folder);
