-- SPDX-License-Identifier: Apache-2.0
ALTER TABLE surveys ADD PRIMARY KEY (id), ADD UNIQUE (slug);
ALTER TABLE "survey_response" ADD PRIMARY KEY ("id"), ADD UNIQUE ("surveyId", "userId");
ALTER TABLE merchant_reviews ADD PRIMARY KEY (id);
