-- SPDX-License-Identifier: Apache-2.0
CREATE INDEX "survey_response_userId_idx" ON "survey_response" ("userId");
CREATE INDEX merchant_reviews_merchant_id ON merchant_reviews (merchant_id);
CREATE INDEX merchant_reviews_user_id ON merchant_reviews (user_id);

ALTER TABLE "survey_response" ADD FOREIGN KEY ("surveyId") REFERENCES surveys, ADD CHECK ("npsScore" BETWEEN 0 AND 10);
ALTER TABLE merchant_reviews ADD FOREIGN KEY (merchant_id) REFERENCES merchants, ADD FOREIGN KEY (user_id) REFERENCES users,
    ADD FOREIGN KEY (transaction_id) REFERENCES transactions, ADD CHECK (stars BETWEEN 1 AND 5), ADD CHECK (state IN ('published', 'pending', 'hidden'));
