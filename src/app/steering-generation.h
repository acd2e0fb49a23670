/* One press of Generate: a job that writes up to four texts one after another, {base, chat} × {plain, steered}, and
 * measures the basket's latents on each. The object is the page's view of it; text grows while the job runs. */
#pragma once

#include "steering.h"
#include "steering-engine.h"

typedef enum {
  CS_PANE_BASE_PLAIN,
  CS_PANE_BASE_STEERED,
  CS_PANE_CHAT_PLAIN,
  CS_PANE_CHAT_STEERED,
  CS_N_PANES,
} CsPaneId;

static inline int
cs_pane_model (CsPaneId id)
{
  return id / 2;
}

static inline bool
cs_pane_is_steered (CsPaneId id)
{
  return id % 2 == 1;
}

typedef struct {
  char      *prompt[2];     /* what each model reads */
  bool       chat[2];       /* as a turn of the chat template, else as raw text */
  CsSampling sampling;
  size_t     layer;         /* 0-based block, or CS_LAYER_MIDDLE */
  char      *run_folder;
  GArray    *items;         /* CsSteerItem */
  bool       wanted[CS_N_PANES];
} CsSteeringRequest;

void   cs_steering_request_clear (CsSteeringRequest *request);
/* The block that layer means for a pair. */
size_t cs_steering_layer (const CsPair *pair, size_t layer);

/* A finished (or stopped) text; immutable. */
typedef struct {
  CsTokenizer *tokenizer;
  GArray      *ids;         /* int32_t: the prompt's, then the continuation's */
  GArray      *kinds;       /* uint8_t CsTokenKind of the prompt's tokens */
  size_t       n_prompt;
  GArray      *latents;     /* size_t: what was measured */
  float       *values;      /* v [ids->len, latents->len] */
  char        *text;        /* the continuation */
  char        *key;         /* of all that determines ids; NULL where it was stopped */
} CsSteeringText;

CsSteeringText *cs_steering_text_ref (CsSteeringText *text);
void            cs_steering_text_unref (CsSteeringText *text);
/* v of one measured latent over ids (free with g_free()); NULL where it was not measured. */
float          *cs_steering_text_values (const CsSteeringText *text, size_t latent);

typedef enum { CS_PANE_WAITING, CS_PANE_WRITING, CS_PANE_FINISHED } CsPaneState;

#define CS_TYPE_STEERING_GENERATION (cs_steering_generation_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringGeneration, cs_steering_generation, CS, STEERING_GENERATION, GObject)

/* request is taken over (and cleared). Texts of `before` (may be NULL) that would come out the same are taken from it. The
 * job is not started. Main thread. */
CsSteeringGeneration *cs_steering_generation_new (CsSteeringEngine *engine, CsSteeringRequest *request,
                                                  CsSteeringGeneration *before);
/* Owned by the generation; emits "changed" when text has been written. */
CsJob                *cs_steering_generation_job (CsSteeringGeneration *generation);
/* What was asked for; owned by the generation. */
const CsSteeringRequest *cs_steering_generation_request (CsSteeringGeneration *generation);
bool                  cs_steering_generation_wants (CsSteeringGeneration *generation, CsPaneId pane);
/* What has been written so far (free with g_free()). */
char                 *cs_steering_generation_dup_text (CsSteeringGeneration *generation, CsPaneId pane, CsPaneState *state);
/* A new reference once the pane is finished or the job was stopped while it wrote; else NULL. */
CsSteeringText       *cs_steering_generation_get_text (CsSteeringGeneration *generation, CsPaneId pane);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSteeringText, cs_steering_text_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsSteeringRequest, cs_steering_request_clear)
