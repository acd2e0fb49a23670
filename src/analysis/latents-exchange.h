/* Tables of latents and examples of others, in and out.
 *
 * The authors' feature_df.csv has Δ_norm the other way round: its dec_norm_diff is 1 − Δ_norm (Minder et al. 2025), and that is
 * how it is read and written. Their examples.db is a SQLite file of sequences and of the tokens that activate a latent. */
#pragma once

#include "examples.h"
#include "exchange.h"
#include "latents.h"
#include "pair.h"

/* Imports a crosscoder (exchange.h), lists its latents from the weights alone, and attaches the table and the examples
 * where they are given (may be NULL). notes as there. job may be NULL. */
bool cs_import_run (CsJob *job, const char *path, const char *run_folder, const CsImportOptions *options,
                    const char *table_path, const char *examples_path, char ***notes, GError **error);

/* RUN/latents.h5 from the weights: norms, cosines, Δ_norm and classes; everything else is not known (NaN, a maximum of 0). */
bool cs_latents_from_weights (const char *run_folder, GError **error);

/* Puts a feature_df.csv's columns into RUN/latents.h5, which is made from the weights first. Refused where its norms are not
 * those of the run's decoder. note (may be NULL; free with g_free()) says what was found. */
bool cs_latents_attach_table (const char *run_folder, const char *csv_path, char **note, GError **error);
/* Copies an examples.db into RUN/examples.db, with indexes of our own and nothing but its three tables. */
bool cs_latents_attach_examples (CsJob *job, const char *run_folder, const char *db_path, char **note, GError **error);
bool cs_attached_examples_exist (const char *run_folder);
/* As cs_examples_load(), from RUN/examples.db: token is the peak's place in its own sequence, and `first` counts there too. */
GArray *cs_attached_examples_load (const char *run_folder, size_t latent, size_t context, size_t per_group,
                                   GError **error);

/* All latents as a table with the names that feature_df.csv has, dec_norm_diff included; delta_norm beside it. */
bool cs_latents_export_csv (const char *run_folder, const char *path, GError **error);

typedef struct {
  const char *model_id;          /* "gemma-2-2b-it"; NULL = "" */
  const char *labels_path;       /* a study's labels.json, or NULL */
  const char *tokenizer_folder;  /* whose tokens examples are spelled with; NULL = without examples */
  const char *store_path;        /* the activations that examples and histograms come from; NULL = attached examples only */
  const CsPair *pair;            /* whose chat model's head tells which tokens a latent promotes, of one latent or as long as all
                                  * take minutes only; NULL = not told */
  long        layer;             /* −1 = not known */
  long        latent;            /* −1 = all */
  size_t      per_group;         /* examples; 0 = 5 */
} CsNeuronpediaOptions;

/* One JSON object in the shape of Neuronpedia's batches: model_id, layer, sae_set, features [{feature_index, frac_nonzero,
 * maxActApprox, activations [{tokens, values, bin_min, bin_max, …}], …}]. */
bool cs_latents_export_neuronpedia (CsJob *job, const char *run_folder, const CsNeuronpediaOptions *options,
                                    const char *path, GError **error);

/* The block that a run reads: as its config.json or its store says, or the store given (may be NULL). −1 = not known. */
long cs_run_layer (const char *run_folder, const char *store_path);

typedef struct {
  size_t      latent;
  unsigned    model;             /* whose decoder row: 0 = base, 1 = chat */
  long        layer;             /* of cs_run_layer(), or as the user says */
  const char *model_folder;      /* whose config.json names the architecture; NULL = not said */
} CsLatentVectorOptions;

/* A GGUF file (cs_control_vector_export()) in which a strength of 1 stands for the latent's maximum; a vector of length 1
 * where that is not known. */
bool cs_latent_export_vector (const char *run_folder, const CsLatentVectorOptions *options, const char *path,
                              GError **error);
