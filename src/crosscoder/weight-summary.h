/* What the weights of a crosscoder's file say about its latents, read off the memory map: nothing of
 * the weights' size is allocated, so that a file of gigabytes in the page cache takes a second. */
#pragma once

#include "exchange.h"
#include "tensor-file.h"

typedef struct {
  size_t  n_latents;
  double *norms;          /* [F, 2]: ‖d_j‖ of base and chat, as in the file */
  float  *decoder_cosine; /* [F]: of the two decoder rows; NaN where one is 0 */
  float  *encoder_cosine; /* [F] */
} CsWeightSummary;

/* The file has encoder.weight [2, d, F] and decoder.weight [2, F, d] of a floating type; numbers that are not finite are an
 * error. The same for every size of the team (which may be NULL). Clear it with cs_weight_summary_clear() in any case. */
bool cs_weight_summary_read (CsWeightSummary *summary, const CsTensorFile *file, CsTeam *team, GError **error);
/* The same of RUN/model.safetensors. Gives the crosscoder without its weights (encoder and decoder are zero and take no memory),
 * for what else its files say. */
CsCrosscoder *cs_weight_summary_load (CsWeightSummary *summary, const char *run_folder, CsTeam *team, GError **error);
/* cs_crosscoder_import() (exchange.h) that keeps what it sees on the way: where the file could be taken as it is, the summary of
 * its weights and the crosscoder without them (*head; free it), else both stay empty. */
bool cs_crosscoder_import_summary (const char *path, const char *run_folder, const CsImportOptions *options, char ***notes,
                                   CsWeightSummary *summary, CsCrosscoder **head, GError **error);
void cs_weight_summary_clear (CsWeightSummary *summary);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsWeightSummary, cs_weight_summary_clear)
