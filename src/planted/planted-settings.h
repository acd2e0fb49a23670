/* What a planted world is made of and how crosscoders are trained on it. Every choice is a named
 * setting; the names in JSON are the fields' names, the command's options have - for _. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

/* What a feature is in truth. */
typedef enum
{
  CS_PLANTED_CLASS_SHARED,    /* both models, equally, at the same tokens */
  CS_PLANTED_CLASS_BASE_ONLY, /* base alone */
  CS_PLANTED_CLASS_CHAT_ONLY, /* chat alone */
  CS_PLANTED_CLASS_WEAK,      /* both, weaker in base: the trap for Complete Shrinkage */
  CS_PLANTED_CLASS_SPLIT,     /* both, firing at tokens that agree in part: the trap for Latent
                                 Decoupling */
  CS_PLANTED_N_CLASSES
} CsPlantedClass;

const char *cs_planted_class_name (CsPlantedClass class); /* "shared", "base-only" … "split" */
bool cs_planted_class_parse (const char *name, CsPlantedClass *class);

typedef struct
{
  /* The world. */
  size_t d_model;
  size_t shared, base_only, chat_only, weak, split; /* number of features of each class */
  double frequency;       /* share of the tokens at which a feature is active, in each model */
  double spread;          /* standard deviation of the logarithm of an activation; mean 1 */
  double strength_spread; /* standard deviation of the logarithm of a feature's mean activation */
  double weak_min, weak_max; /* strength in base over strength in chat, evenly from … to */
  size_t weak_levels;        /* how many different strengths those are */
  double split_overlap;      /* share of chat's active tokens at which base is active too */
  double split_correlation;  /* of the logarithms of both activations where both are active */
  size_t groups, group_size; /* groups of shared features that come together */
  double group_firing;       /* share of a group's occasions at which a member is active */
  double noise;              /* standard deviation in each dimension, independent in each model */
  size_t tokens;             /* in the store */
  size_t document_tokens;    /* tokens of a document */
  /* Training. */
  size_t latents;
  size_t k;  /* of BatchTopK; 0 = the L0 that L1 has at the end, rounded */
  double mu; /* of L1 */
  size_t steps, batch;
  double lr;
  double held_out; /* share of the documents that FVE and L0 are measured on */
} CsPlantedSettings;

void cs_planted_settings_init (CsPlantedSettings *settings);
/* Ranges that no world can leave; CS_ERROR_USAGE in one sentence. */
bool cs_planted_settings_check (const CsPlantedSettings *settings, GError **error);
size_t cs_planted_settings_n_features (const CsPlantedSettings *settings);

/* One setting, for whoever reads and shows them all. */
typedef struct
{
  const char *name;
  bool is_size;  /* size_t, else double */
  bool is_world; /* of the world, else of the training */
  size_t offset; /* in CsPlantedSettings */
  double min, max;
  const char *what; /* one phrase */
} CsPlantedSetting;

const CsPlantedSetting *cs_planted_setting_list (size_t *n);
double cs_planted_setting_get (const CsPlantedSettings *settings, const CsPlantedSetting *setting);
void
cs_planted_setting_set (CsPlantedSettings *settings, const CsPlantedSetting *setting, double value);

/* An object with a member for each setting; world_only leaves those of the training out. */
json_t *cs_planted_settings_json (const CsPlantedSettings *settings, bool world_only);
/* Members that are missing keep what settings holds; `file` is what errors call the source. */
bool cs_planted_settings_read (CsPlantedSettings *settings,
                               json_t *object,
                               const char *file,
                               GError **error);
/* The name of the first setting that differs; NULL where none does. */
const char *cs_planted_settings_difference (const CsPlantedSettings *a,
                                            const CsPlantedSettings *b,
                                            bool world_only);
