/* KL divergence between next-token distributions, natural logarithm, over the full vocabulary, and
 * bootstrap intervals of means over documents. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* out_i = logits_i − log Σ exp logits; n ≥ 1 finite values. out may be logits. */
void cs_log_softmax (const float *logits, size_t n, float *out);

/* KL (p ‖ q) = Σ p (log p − log q), summed in double. log_p is what cs_log_softmax() made, q_logits
 * are raw: equal logits give exactly 0. */
double cs_kl_divergence (const float *log_p, const float *q_logits, size_t n);

/* Means over documents drawn with replacement, the same draws for all series, so that differences
 * of series may be taken draw by draw. sums [n_series, n_documents] and counts [n_documents]; a
 * mean is Σ sums / Σ counts. Returns [n_draws, n_series], NaN where no count was drawn; free with
 * g_free(). */
double *cs_bootstrap_means (const double *sums,
                            const double *counts,
                            size_t n_series,
                            size_t n_documents,
                            size_t n_draws,
                            uint64_t seed);

/* The central 95 % of n values, linear between ranks; NaN values are left out (both NaN where
 * nothing is left). Sorts values. */
void cs_central_interval (double *values, size_t n, double *lo, double *hi);
