/* A store whose residual streams are made of known features, and a crosscoder made by hand for it. */
#pragma once

#include "latents.h"
#include "trainer.h"

enum { PLANTED_WIDTH = 8, PLANTED_LATENTS = 8, PLANTED_DOCUMENTS = 60 };
enum { PLANTED_BOS = 1, PLANTED_START = 2, PLANTED_END = 3, PLANTED_USER = 10, PLANTED_NEWLINE = 11, PLANTED_MODEL = 12 };

/* Latents of the crosscoder. */
typedef enum
{
  PLANTED_SHARED,
  PLANTED_CHAT_ONLY,   /* and nothing of it in base */
  PLANTED_BASE_ONLY,
  PLANTED_DEAD,
  PLANTED_SHRUNK,      /* the base stream has the direction, the decoder's base half is 0 */
  PLANTED_TWIN_CHAT,   /* a direction that both have, as a chat-only latent … */
  PLANTED_TWIN_BASE,   /* … and a base-only one */
  PLANTED_HALF,        /* half as long in base, and half as much of it there */
} PlantedLatent;

typedef struct
{
  char   *folder, *run, *store; /* temporary; run is a folder in it */
  size_t  n_tokens;
  int32_t ids[PLANTED_DOCUMENTS * 40];
  /* What is true of each latent: */
  size_t  active[PLANTED_LATENTS], in_text[PLANTED_LATENTS], in_template[PLANTED_LATENTS];
  size_t  in_class[PLANTED_LATENTS][CS_TOKEN_N_CLASSES];
  float   strongest[PLANTED_LATENTS]; /* v */
} PlantedRun;

PlantedRun *planted_run_new (void);
void        planted_run_free (PlantedRun *run);

void add_file_tests (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PlantedRun, planted_run_free)
