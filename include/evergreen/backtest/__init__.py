"""What would Evergreen have done? Policies of retraining, replayed over a history of orders."""
