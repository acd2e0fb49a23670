#include "new-run-fields.h"

#include <glib/gi18n.h>

#define L1 (1u << CS_VARIANT_L1)
#define TOPK (1u << CS_VARIANT_TOPK)
#define BATCHTOPK (1u << CS_VARIANT_BATCHTOPK)
#define ALL (L1 | TOPK | BATCHTOPK)
#define AT(member) G_STRUCT_OFFSET (CsTrainConfig, member)

#define DICTIONARY CS_FIELDS_DICTIONARY
#define SPARSITY CS_FIELDS_SPARSITY
#define OPTIMISER CS_FIELDS_OPTIMISER
#define SCHEDULE CS_FIELDS_SCHEDULE
#define LOGGING CS_FIELDS_LOGGING
#define SIZE CS_FIELD_SIZE
#define REAL CS_FIELD_REAL

/* Title, why, group, kind, member, least, most, step, digits, variants, advanced. */
static const CsRunField fields[] = {
  { N_ ("Latents, F"), N_ ("Size of the dictionary; the paper: 32 · d_model. More split concepts finer and cost more"),
    DICTIONARY, SIZE, AT (n_latents), 1, 1 << 28, 256, 0, ALL, false },
  { N_ ("Initial decoder norm"), N_ ("Norm of each decoder row at the start; small for L1, which grows them"),
    DICTIONARY, REAL, AT (init_norm), 0.0001, 1000, 0.1, 4, ALL, true },
  { N_ ("Normalise activations"), N_ ("Centre and scale each model to the target RMS; off in the paper"),
    DICTIONARY, CS_FIELD_BOOL, AT (normalise), 0, 1, 1, 0, ALL, true },
  { N_ ("Target RMS"), N_ ("Only with normalised activations"),
    DICTIONARY, REAL, AT (target_rms), 0.001, 1000, 0.1, 3, ALL, true },
  { N_ ("Seed"), N_ ("The same seed, store and threads give the same bytes"),
    DICTIONARY, CS_FIELD_U64, AT (seed), 0, 1e15, 1, 0, ALL, true },

  { N_ ("k"), N_ ("Latents active per token on average: how sparse the codes are"),
    SPARSITY, SIZE, AT (k), 1, 1 << 28, 1, 0, TOPK | BATCHTOPK, false },
  { N_ ("μ, L1 coefficient"), N_ ("Weight of the sparsity penalty; more gives fewer active latents"),
    SPARSITY, REAL, AT (mu), 0, 1000, 0.001, 4, L1, false },
  { N_ ("α of AuxK"), N_ ("Weight of the loss that revives dead latents"),
    SPARSITY, REAL, AT (aux_alpha), 0, 100, 0.005, 5, TOPK | BATCHTOPK, true },
  { N_ ("k of AuxK"), N_ ("Dead latents that try at once; 0: half of d_model"),
    SPARSITY, SIZE, AT (aux_k), 0, 1 << 28, 16, 0, TOPK | BATCHTOPK, true },
  { N_ ("Dead after, tokens"), N_ ("A latent that has been silent for so many tokens counts as dead"),
    SPARSITY, CS_FIELD_U64, AT (dead_tokens), 1, 1e12, 100000, 0, ALL, true },
  { N_ ("k at the start"), N_ ("k falls from here; 0: no annealing, as in the paper"),
    SPARSITY, SIZE, AT (k_max), 0, 1 << 28, 10, 0, TOPK | BATCHTOPK, true },
  { N_ ("k annealing, steps"), N_ ("Steps over which k falls to its value"),
    SPARSITY, SIZE, AT (k_anneal_steps), 0, 1e10, 100, 0, TOPK | BATCHTOPK, true },
  { N_ ("θ begins at step"), N_ ("The inference threshold's moving average starts here"),
    SPARSITY, SIZE, AT (threshold_start_step), 0, 1e10, 100, 0, BATCHTOPK, true },
  { N_ ("β of θ"), N_ ("How much of the past the threshold's average keeps"),
    SPARSITY, REAL, AT (threshold_beta), 0, 1, 0.001, 4, BATCHTOPK, true },

  { N_ ("Learning rate"), N_ ("Of Adam; 0: 2·10⁻⁴ / √(F / 16384)"),
    OPTIMISER, REAL, AT (lr), 0, 1, 0.0001, 6, ALL, false },
  { N_ ("Batch, tokens"), N_ ("Tokens of each step, shuffled over the corpora"),
    OPTIMISER, SIZE, AT (batch), 2, 1 << 24, 256, 0, ALL, false },
  { N_ ("Gradient clipping"), N_ ("Most that the gradient's norm may be; 0: off"),
    OPTIMISER, REAL, AT (clip_norm), 0, 1e9, 0.1, 3, ALL, true },
  { N_ ("Squared error"), N_ ("‖ε‖² in place of the paper's unsquared ‖ε‖"),
    OPTIMISER, CS_FIELD_BOOL, AT (squared_error), 0, 1, 1, 0, ALL, true },

  { N_ ("Steps"), N_ ("Length of the run; it can be paused, stopped and continued"),
    SCHEDULE, SIZE, AT (steps), 1, 1e9, 100, 0, ALL, false },
  { N_ ("Warm-up, steps"), N_ ("The learning rate grows from 0 over these"),
    SCHEDULE, SIZE, AT (warmup_steps), 0, 1e9, 100, 0, ALL, true },
  { N_ ("Decay begins at step"), N_ ("Linear decay to 0 until the end; 0: constant rate"),
    SCHEDULE, SIZE, AT (decay_start), 0, 1e9, 100, 0, ALL, true },
  { N_ ("Held out"), N_ ("Share of the documents kept for validation"),
    SCHEDULE, REAL, AT (held_out), 0, 0.5, 0.01, 3, ALL, true },

  { N_ ("Row of metrics every, steps"), N_ ("How fine the curves are"),
    LOGGING, SIZE, AT (log_every), 1, 1e9, 1, 0, ALL, true },
  { N_ ("Histogram every, steps"), N_ ("How fine the replay of Δ_norm is"),
    LOGGING, SIZE, AT (snapshot_every), 1, 1e9, 25, 0, ALL, true },
  { N_ ("Checkpoint every, seconds"), N_ ("What a crash can cost at most"),
    LOGGING, REAL, AT (checkpoint_seconds), 0, 1e6, 10, 0, ALL, true },
  { N_ ("Checkpoint every, steps"), N_ ("0: by time only"),
    LOGGING, SIZE, AT (checkpoint_steps), 0, 1e9, 100, 0, ALL, true },
  { N_ ("Validate every, steps"), N_ ("0: at the end only"),
    LOGGING, SIZE, AT (validate_every), 0, 1e9, 1000, 0, ALL, true },
  { N_ ("Threads"), N_ ("0: all; part of what makes a run reproducible"),
    LOGGING, CS_FIELD_UNSIGNED, AT (n_threads), 0, 1024, 1, 0, ALL, true },
};

const CsRunField *
cs_run_fields (size_t *n_fields)
{
  *n_fields = G_N_ELEMENTS (fields);
  return fields;
}

const char *
cs_run_field_group_title (CsFieldGroup group)
{
  static const char *const titles[CS_N_FIELD_GROUPS] = {
    N_ ("Dictionary"), N_ ("Sparsity"), N_ ("Optimiser"), N_ ("Schedule"), N_ ("Logging"),
  };

  return _ (titles[group]);
}

double
cs_run_field_get (const CsRunField *field, const CsTrainConfig *config)
{
  const void *at = (const char *) config + field->offset;

  switch (field->kind)
    {
    case CS_FIELD_SIZE:
      return (double) *(const size_t *) at;
    case CS_FIELD_U64:
      return (double) *(const uint64_t *) at;
    case CS_FIELD_UNSIGNED:
      return *(const unsigned *) at;
    case CS_FIELD_BOOL:
      return *(const bool *) at;
    case CS_FIELD_REAL:
    default:
      return *(const double *) at;
    }
}

void
cs_run_field_set (const CsRunField *field, CsTrainConfig *config, double value)
{
  void *at = (char *) config + field->offset;

  switch (field->kind)
    {
    case CS_FIELD_SIZE:
      *(size_t *) at = (size_t) (value + 0.5);
      break;
    case CS_FIELD_U64:
      *(uint64_t *) at = (uint64_t) (value + 0.5);
      break;
    case CS_FIELD_UNSIGNED:
      *(unsigned *) at = (unsigned) (value + 0.5);
      break;
    case CS_FIELD_BOOL:
      *(bool *) at = value != 0;
      break;
    case CS_FIELD_REAL:
    default:
      *(double *) at = value;
    }
}
