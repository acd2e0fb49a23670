/* A store of a harvest's first documents, in a folder of its own beside the store that is to be:
 * on the same disk, so that writing it costs what the harvest's writing will. */
#pragma once

#include "harvest.h"

typedef struct
{
  char *path;     /* of the store */
  CsStore *store; /* open for writing; NULL once it is finished */
} CsHarvestSample;

/* info is borrowed. Room for `tokens`; it grows where more come. NULL where no folder can be written
 * to, or the disk is full. */
CsHarvestSample *
cs_harvest_sample_new (const char *out, const CsStoreInfo *info, size_t tokens);
/* It can be read then. */
bool cs_harvest_sample_finish (CsHarvestSample *sample, GError **error);
/* Removes the files. */
void cs_harvest_sample_free (CsHarvestSample *sample);

/* The folder that a file will be in, or the closest one above it that exists; free with g_free(). */
char *cs_existing_folder (const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsHarvestSample, cs_harvest_sample_free)
