//! Which status of HTTP a refusal of the rules has: what the request lacks in form 400, what the caller may not do 403, what is not
//! there 404, what stands against it now 409, and what the rules never allow 422.

use axum::http::StatusCode;
use domain::command::Refusal;
use domain::{
    article, customer, emv_qr, exception, external_ref, merchant, metadata, mpos, operator, payment, points, print_job,
    printer, promotion, receipt, returns, sale, shift, smartconnect, stock, stocktake, terminal, transfer,
    unreferenced_return, webhook_delivery, webhook_endpoint,
};

/// The status of a refusal.
pub fn of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
        Refusal::RoleTooLow { .. } => StatusCode::FORBIDDEN,
        // A version is only ever given by `If-Match`.
        Refusal::StaleVersion { .. } => StatusCode::PRECONDITION_FAILED,
        Refusal::Article(refusal) => of_article(refusal),
        Refusal::Stock(refusal) => of_stock(refusal),
        Refusal::Stocktake(refusal) => of_stocktake(refusal),
        Refusal::Transfer(refusal) => of_transfer(refusal),
        Refusal::UnreferencedReturn(refusal) => of_unreferenced_return(refusal),
        Refusal::Sale(refusal) => of_sale(refusal),
        Refusal::Return(refusal) => of_return(refusal),
        Refusal::Payment(refusal) => of_payment(refusal),
        Refusal::Exception(refusal) => of_exception(refusal),
        Refusal::ExternalRef(refusal) => of_external_ref(refusal),
        Refusal::Merchant(refusal) => of_merchant(refusal),
        Refusal::MerchantCode(refusal) => of_merchant_code(refusal),
        Refusal::Metadata(refusal) => of_metadata(refusal),
        Refusal::Customer(refusal) => of_customer(refusal),
        Refusal::Points(refusal) => of_points(refusal),
        Refusal::Operator(refusal) => of_operator(refusal),
        Refusal::Shift(refusal) => of_shift(refusal),
        Refusal::Promotion(refusal) => of_promotion(refusal),
        Refusal::Receipt(refusal) => of_receipt(refusal),
        Refusal::Printer(refusal) => of_printer(refusal),
        Refusal::Mpos(refusal) => of_mpos(refusal),
        Refusal::PrintJob(refusal) => of_print_job(refusal),
        Refusal::Terminal(refusal) => of_terminal(refusal),
        Refusal::Smartconnect(refusal) => of_smartconnect(refusal),
        Refusal::WebhookEndpoint(refusal) => of_webhook_endpoint(refusal),
        Refusal::WebhookDelivery(webhook_delivery::Refusal::TooMany) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_external_ref(refusal: &external_ref::Refusal) -> StatusCode {
    use external_ref::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::Taken { .. } | R::RecordedOtherwise { .. } | R::OriginHasOtherMap { .. } => StatusCode::CONFLICT,
        R::SystemInvalid | R::IdInvalid | R::TooMany | R::SubjectImmutable | R::OccurredAtOutOfRange => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

const fn of_mpos(refusal: &mpos::Refusal) -> StatusCode {
    use mpos::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::OrderIdTaken => StatusCode::CONFLICT,
        R::NameInvalid | R::LoginInvalid | R::NotifyUrlTooLong | R::OrderIdInvalid | R::CloseIdInvalid => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

const fn of_metadata(refusal: &metadata::Refusal) -> StatusCode {
    use metadata::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::TooManyKeys | R::KeyInvalid | R::ValueInvalid | R::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_merchant(refusal: &merchant::Refusal) -> StatusCode {
    use merchant::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::RegisterNameTaken => StatusCode::CONFLICT,
        R::RegistrationNumberInvalid
        | R::RegistrationNumberCheckDigit
        | R::LegalNameInvalid
        | R::AddressInvalid
        | R::PhoneInvalid
        | R::LocationNameInvalid
        | R::RegisterNameInvalid
        | R::RegisterElsewhere
        | R::DiscountLimitOutOfRange => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_merchant_code(refusal: &emv_qr::Refusal) -> StatusCode {
    use emv_qr::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::NotEmv
        | R::TagTwice
        | R::ChecksumWrong
        | R::ValueInvalid { .. }
        | R::FieldMissing { .. }
        | R::FieldInvalid { .. }
        | R::AccountMissing
        | R::AmountInvalid
        | R::CurrencyOther
        | R::TooLong => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_customer(refusal: &customer::Refusal) -> StatusCode {
    use customer::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::Erased | R::ExternalIdTaken => StatusCode::CONFLICT,
        R::NameInvalid
        | R::EmailInvalid
        | R::PhoneInvalid
        | R::PhoneNeedsCallingCode
        | R::CallingCodeInvalid
        | R::ConsentInvalid
        | R::NoteTooLong
        | R::ExternalIdInvalid
        | R::TooManyExternalIds => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_points(refusal: &points::Refusal) -> StatusCode {
    use points::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::Insufficient { .. } => StatusCode::CONFLICT,
        R::OutOfRange | R::ReasonInvalid | R::RuleOutOfRange => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_operator(refusal: &operator::Refusal) -> StatusCode {
    use operator::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::PinWrong | R::Elsewhere => StatusCode::FORBIDDEN,
        R::CodeTaken | R::BadgeTaken | R::Inactive | R::Locked { .. } => StatusCode::CONFLICT,
        R::CodeInvalid | R::BadgeInvalid | R::NameInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_shift(refusal: &shift::Refusal) -> StatusCode {
    use shift::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::AlreadyOpen { .. } | R::Closed | R::TooManyMovements => StatusCode::CONFLICT,
        R::CountInvalid | R::DepositExceedsCount { .. } | R::AmountOutOfRange | R::ReasonInvalid => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

const fn of_promotion(refusal: &promotion::Refusal) -> StatusCode {
    use promotion::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::TooMany | R::CouponTaken | R::CouponMissing => StatusCode::CONFLICT,
        R::NameInvalid
        | R::RuleInvalid
        | R::DatesInvalid
        | R::TooMuchNamed
        | R::CouponCodeInvalid
        | R::CouponUsesInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_receipt(refusal: &receipt::Refusal) -> StatusCode {
    use receipt::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::SaleNotCompleted { .. } | R::TooMany | R::ReturnTooMany => StatusCode::CONFLICT,
        R::AddresseeInvalid | R::ProvisoInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_printer(refusal: &printer::Refusal) -> StatusCode {
    use printer::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::NameInvalid | R::AddressInvalid | R::DrawerElsewhere => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_print_job(refusal: &print_job::Refusal) -> StatusCode {
    use print_job::Refusal as R;
    match refusal {
        R::DrawerSaleWithoutCash => StatusCode::UNPROCESSABLE_ENTITY,
        R::PrinterInactive | R::TooManyPrints | R::NotRetryable { .. } | R::ClaimLost | R::DrawerMissing => {
            StatusCode::CONFLICT
        }
    }
}

const fn of_smartconnect(refusal: &smartconnect::Refusal) -> StatusCode {
    use smartconnect::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::RegisterTaken | R::NotPaired => StatusCode::CONFLICT,
        R::TooManyNetworks | R::TextInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_terminal(refusal: &terminal::Refusal) -> StatusCode {
    use terminal::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::EnrolmentTokenWrong | R::EnrolmentTokenExpired | R::ProofReplayed | R::ClockOff { .. } => {
            StatusCode::FORBIDDEN
        }
        R::AlreadyEnrolled
        | R::NotEnrolled
        | R::Retired
        | R::IdentityKeyTaken
        | R::PairingCodeTaken
        | R::PairingCodeExpired
        | R::Alternates { .. }
        | R::ConnectionReplaced
        | R::NotPaired => StatusCode::CONFLICT,
        R::NameInvalid | R::DeviceTextInvalid | R::PairingCodeWrong => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_exception(refusal: &exception::Refusal) -> StatusCode {
    use exception::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::AlreadyResolved | R::NeedsOutcome => StatusCode::CONFLICT,
        R::OwnerInvalid | R::ReasonInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_webhook_endpoint(refusal: &webhook_endpoint::Refusal) -> StatusCode {
    use webhook_endpoint::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::Inactive => StatusCode::CONFLICT,
        R::UrlTooLong | R::KindsInvalid | R::DescriptionTooLong => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_article(refusal: &article::Refusal) -> StatusCode {
    use article::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::SkuTaken | R::BarcodeTaken | R::OptionsTaken => StatusCode::CONFLICT,
        R::SkuInvalid
        | R::NameInvalid
        | R::BarcodeInvalid
        | R::BarcodeCheckDigit
        | R::BarcodeUnknown
        | R::QuantityInBarcode
        | R::BarcodePriceNeedsPiece
        | R::TooManyBarcodes
        | R::TooManyNames
        | R::LanguageInvalid
        | R::DescriptionInvalid
        | R::TooManyImages
        | R::ImageUrlInvalid
        | R::TooManyPrices
        | R::PriceTwice
        | R::PriceNeverHolds
        | R::OptionsInvalid
        | R::VariantOfVariant
        | R::VariantOfStocked
        | R::UnitPriceOutOfRange
        | R::TaxClassUnknown
        | R::CurrencyMismatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_stock(refusal: &stock::Refusal) -> StatusCode {
    use stock::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::Insufficient { .. } | R::Negative { .. } | R::Changed { .. } => StatusCode::CONFLICT,
        R::NotCounted | R::QuantityOutOfRange | R::LineCountOutOfRange | R::OccurredAtOutOfRange | R::ReasonInvalid => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

const fn of_unreferenced_return(refusal: &unreferenced_return::Refusal) -> StatusCode {
    use unreferenced_return::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::LineCountOutOfRange
        | R::PriceOutOfRange
        | R::PriceNeedsReason { .. }
        | R::AmountOutOfRange
        | R::ReasonInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_transfer(refusal: &transfer::Refusal) -> StatusCode {
    use transfer::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::NotDraft { .. } | R::NotSent { .. } | R::Empty | R::ExceedsSent { .. } => StatusCode::CONFLICT,
        R::LocationsSame
        | R::LineCountOutOfRange
        | R::ArticleRepeated { .. }
        | R::QuantityOutOfRange
        | R::NoteTooLong
        | R::ReasonInvalid
        | R::ArticleUnknown { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_stocktake(refusal: &stocktake::Refusal) -> StatusCode {
    use stocktake::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::NotOpen { .. } | R::Empty => StatusCode::CONFLICT,
        R::LineCountOutOfRange
        | R::QuantityOutOfRange
        | R::CountedAtOutOfRange
        | R::CountedByInvalid
        | R::NoteTooLong => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_sale(refusal: &sale::Refusal) -> StatusCode {
    use sale::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::Exists
        | R::NotOpen { .. }
        | R::NotParked { .. }
        | R::ArticleInactive { .. }
        | R::ArticleHasVariants { .. }
        | R::NothingDue
        | R::PaymentUnderWay
        | R::HasPaidTender
        | R::CouponNotValid
        | R::CouponUsedUp
        | R::CouponTwice
        | R::TotalBelowTenders { .. } => StatusCode::CONFLICT,
        R::DiscountBeyondLimit { .. } => StatusCode::FORBIDDEN,
        R::Empty
        | R::TooManyLines
        | R::TooManyTenders
        | R::QuantityNotWhole { .. }
        | R::QuantityOutOfRange
        | R::AmountOutOfRange
        | R::TaxClassUnknown { .. }
        | R::CurrencyMismatch { .. }
        | R::NoteTooLong
        | R::NameInvalid
        | R::CashTooLittle { .. }
        | R::TenderExceedsDue { .. }
        | R::CreditExceedsOwed { .. }
        | R::TooManyDiscounts
        | R::DiscountOutOfRange
        | R::DiscountReasonInvalid
        | R::DiscountLineUnknown { .. }
        | R::DiscountExceedsAmount { .. }
        | R::CouponUnknown
        | R::TooManyCoupons
        | R::NotPaid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_return(refusal: &returns::Refusal) -> StatusCode {
    use returns::Refusal as R;
    match refusal {
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::CashNeedsManager { .. } => StatusCode::FORBIDDEN,
        R::SaleNotCompleted { .. } | R::QuantityNotReturnable { .. } | R::NothingDue | R::WayNeeded { .. } => {
            StatusCode::CONFLICT
        }
        R::Empty
        | R::LineUnknown { .. }
        | R::LineRepeated { .. }
        | R::TooManyReturns
        | R::TooManyRefunds
        | R::ReasonInvalid
        | R::AmountOutOfRange
        | R::RefundExceedsDue { .. }
        | R::PaymentElsewhere { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_payment(refusal: &payment::Refusal) -> StatusCode {
    use payment::Refusal as R;
    match refusal {
        R::Rule(refusal) => of_payment_rule(refusal),
        R::TextLooksLikeCardNumber => StatusCode::BAD_REQUEST,
        R::AppAlreadyLaunched | R::AppNotLaunched | R::RegisterHasNoTerminal | R::TerminalOfOtherConnection { .. } => {
            StatusCode::CONFLICT
        }
        R::AppNotUsed
        | R::AmountMissing
        | R::AmountOutOfRange
        | R::CurrencyMismatch { .. }
        | R::ReferenceTooLong
        | R::ReasonInvalid => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn of_payment_rule(refusal: &payment::RuleRefusal) -> StatusCode {
    use payment::RuleRefusal as R;
    match refusal {
        R::InProgress
        | R::InDoubt { .. }
        | R::OperationInFlight { .. }
        | R::NotAuthorized { .. }
        | R::NotCaptured { .. }
        | R::NotVoidable { .. }
        | R::AlreadyFinal { .. }
        | R::CaptureWindowClosed { .. }
        | R::VoidWindowClosed { .. }
        | R::RefundWindowClosed { .. } => StatusCode::CONFLICT,
        R::AmountNotPositive { .. }
        | R::AmountTooLarge { .. }
        | R::AuthorizeNotSupported
        | R::CustomerCodeNotSupported
        | R::CustomerCodeMissing
        | R::VoidNotSupported
        | R::RefundNotSupported
        | R::PartialRefundNotSupported { .. }
        | R::CancelNotSupported
        | R::CaptureExceedsAuthorized { .. }
        | R::RefundExceedsCaptured { .. }
        | R::OperationLimitReached { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
